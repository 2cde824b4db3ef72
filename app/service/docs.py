"""The API's OpenAPI schema, and a page that shows it, from files that the image holds."""

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

# Written by `manage.py spectacular --format openapi-json --file service/openapi.json`; a test compares.
_schema = Path(__file__).with_name("openapi.json").read_bytes()


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The schema is no secret, and no request makes it anew."""
    return HttpResponse(_schema, content_type="application/vnd.oai.openapi+json")


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI without an inline script, so that the page can forbid them."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
        )
        return response
