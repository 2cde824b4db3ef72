"""What an old route answers that is not served, or not so."""

from django.http import HttpRequest, HttpResponse

from core import environment
from core.problems import problem
from legacy.routes import SUCCESSORS


def retired(request: HttpRequest) -> HttpResponse:
    """Names the route that does the work now."""
    successor = SUCCESSORS[request.path.strip("/")]
    if environment.current().legacy_routes:
        response = problem(405, "method_not_allowed", "The old routes are asked with GET.")
        response["Allow"] = "GET"
    else:
        now = f"{successor.method} {successor.path}"
        response = problem(410, "gone", f"This route is not served any more: use {now}.")
    # RFC 5829
    response["Link"] = f'<{successor.path}>; rel="successor-version"'
    return response
