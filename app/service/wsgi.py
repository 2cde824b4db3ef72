"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service.settings")
_django = get_wsgi_application()

from core import environment
from service.edge import Edge

application = Edge(_django, environment.current().instance_id)
