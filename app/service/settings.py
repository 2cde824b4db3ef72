"""Django's settings. Everything that differs between deployments comes from the environment."""

from typing import Any

from core import environment
from core.logs import LOGGING  # noqa: F401
from core.postgresql.connection import BoundedConnection
from service.static_settings import *

ENVIRONMENT = environment.current()

SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts

ROOT_URLCONF = "service.urls"
APPEND_SLASH = False
USE_I18N = False
TIME_ZONE = "UTC"

MIDDLEWARE = [
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "service.middleware.ApiHeaders",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "legacy.middleware.OldAnswers",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# The load balancer overwrites the header, and nothing else reaches the port.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Django sends it over HTTPS only.
SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SILENCED_SYSTEM_CHECKS = [
    # accounts.cookies sees to it that another site's request does not count.
    "security.W003",
    # The load balancer redirects; a deployment without a certificate has nothing to redirect to.
    "security.W008",
    # Entering a domain in the browsers' preload lists is its owner's decision.
    "security.W021",
]

# Other origins use the API with tokens that they hold; a session in cookies is not theirs to use.
CORS_ALLOWED_ORIGINS = ENVIRONMENT.cors_origins
CORS_URLS_REGEX = "^/v1/"
CORS_ALLOW_HEADERS = (
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
)
CORS_EXPOSE_HEADERS = ("ETag", "Location", "Retry-After", "X-Instance-Id")

# How long the server may work on, or wait for, what a request asks.
_SERVING_TIMEOUTS = {
    "statement_timeout": 5_000,
    "lock_timeout": 2_000,
    "idle_in_transaction_session_timeout": 10_000,
}
_COMMAND_TIMEOUTS = {"lock_timeout": 5_000}


def _database() -> dict[str, Any]:
    database = ENVIRONMENT.database
    pool_size = ENVIRONMENT.database_pool_size
    timeouts = _SERVING_TIMEOUTS if pool_size else _COMMAND_TIMEOUTS
    # In the startup packet they cost no round trip.
    parameters = {"TimeZone": "UTC", **timeouts}
    options: dict[str, Any] = {
        "connect_timeout": 3,
        "tcp_user_timeout": 2_500,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "application_name": ENVIRONMENT.instance_id or "manage.py",
        "options": " ".join(f"-c {name}={value}" for name, value in parameters.items()),
    }
    if ENVIRONMENT.database_ca_file:
        options |= {
            "sslmode": "verify-full",
            "sslrootcert": ENVIRONMENT.database_ca_file,
            "ssl_min_protocol_version": "TLSv1.3",
        }
    if pool_size:
        options["pool"] = {
            "connection_class": BoundedConnection,
            "min_size": pool_size,
            "max_size": pool_size,
            "timeout": 2.5,
            "max_lifetime": 900,
            # psycopg_pool doubles the wait between two attempts until this limit; a short limit
            # makes it find a database that comes back after a long outage within seconds.
            "reconnect_timeout": 2,
        }
    return {
        "ENGINE": "core.postgresql",
        "NAME": database["dbname"],
        "USER": database["username"],
        "PASSWORD": database["password"],
        "HOST": database["host"],
        "PORT": database["port"],
        "OPTIONS": options,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerAuthentication",
        "accounts.cookies.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.problems.exception_handler",
    # Accounts live in S3: there is no user table, so no anonymous user either.
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Tasks",
    "DESCRIPTION": (
        "Accounts, tasks, their activity log, and the fleet that serves them. Every refusal is problem details (RFC 9457). "
        "The load balancer answers 502, 503 or 504 in words of its own if it has no host to ask."
    ),
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "service.description.complete",
    ],
    # service.description adds the session of a browser, which is not one scheme but two together.
    "AUTHENTICATION_WHITELIST": ["accounts.authentication.BearerAuthentication"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
