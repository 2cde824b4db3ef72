"""The ASGI application that the server runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service.settings")
django = get_wsgi_application()

from core import environment
from service.edge import Edge

application = Edge(django, environment.current().instance_id)
