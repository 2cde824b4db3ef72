"""Headers of the API's responses."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ApiHeaders:
    """Forbids caching and, in browsers, any use of a response as a document.

    A view that serves a page sets its own headers, which win.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault(
            "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
        )
        return response
