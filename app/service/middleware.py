"""Headers of the API's responses."""


class ApiHeaders:
    """Forbids caching and, in browsers, any use of a response as a document.

    A view that serves a page sets its own headers, which win.
    """

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault(
            "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
        )
        return response
