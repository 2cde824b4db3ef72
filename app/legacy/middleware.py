"""What old clients need of an answer that the new routes do not give."""

import json
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html

from accounts.tokens import ACCESS_SECONDS
from legacy.routes import COOKIE

_PAGE = (
    "<!doctype html><html lang=en><title>Signed in</title><p>You are signed in as {}.</p></html>"
)


class OldAnswers:
    """A cookie with which an old client is known after its sign-in, and the page for those who are."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        route = request.META["service.legacy"]
        if response.status_code == 200 and route == "signin":
            response.set_cookie(
                COOKIE,
                json.loads(response.content)["access"],
                max_age=ACCESS_SECONDS,
                secure=request.is_secure(),
                httponly=True,
                # Old routes change things on GET, which another site could make a browser send.
                samesite="Strict",
            )
        elif response.status_code == 200 and route == "private":
            response = HttpResponse(format_html(_PAGE, json.loads(response.content)["login"]))
        if route:
            # The address may hold a password.
            response["Referrer-Policy"] = "no-referrer"
        return response
