"""The WSGI application that gunicorn serves."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service.settings")
_django = get_wsgi_application()

from django.conf import settings

from service.edge import Edge

# Management commands do without these two.
if not settings.ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS is not set: give the names that clients use")
if not settings.ENVIRONMENT.instance_id:
    raise ImproperlyConfigured("INSTANCE_ID is not set: give the id of this host")

application = Edge(_django, settings.ENVIRONMENT.instance_id)
