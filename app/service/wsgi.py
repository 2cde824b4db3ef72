"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service.settings")
_django = get_wsgi_application()

from django.conf import settings

from service.edge import Edge

application = Edge(_django, settings.ENVIRONMENT.instance_id)
