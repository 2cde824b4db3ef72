"""The session of a browser in cookies, which no script can read, whatever was injected into the page.

A browser sends cookies by itself, also with what another site makes it send. So they count only in requests that carry a
header of ours, which a page of another origin cannot add, and that a browser says come from this origin.

Over HTTPS a cookie's name keeps other hosts of the domain, and pages without HTTPS, from planting one. Without HTTPS, as
on a trial deployment, browsers refuse such names: there they are plain.
"""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import BearerAuthentication, Principal
from accounts.tokens import ACCESS, ACCESS_SECONDS, REFRESH, REFRESH_SECONDS

HEADER = "X-Session"
HEADER_VALUE = "cookie"
_LIFETIMES = {ACCESS: ACCESS_SECONDS, REFRESH: REFRESH_SECONDS}


class CrossSite(APIException):
    status_code = 403
    default_code = "cross_site"
    default_detail = (
        f"A session in cookies is for pages of this origin, with {HEADER}: {HEADER_VALUE}."
    )


def check_origin(request: Request) -> None:
    """Raises unless the request was made by a page of this origin, or by no browser."""
    own = f"{request.scheme}://{request.get_host()}"
    if (
        request.headers.get(HEADER) != HEADER_VALUE
        or request.headers.get("Origin", own) != own
        or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
    ):
        raise CrossSite()


def read(request: Request, kind: str) -> str:
    """A token from its cookie; empty if there is none."""
    return request.COOKIES.get(_name(request, kind), "")


def delivered(request: Request, answer: dict[str, Any]) -> Response:
    """Tokens in the form in which the client keeps them."""
    if not isinstance(request.successful_authenticator, CookieAuthentication):
        return Response(answer)
    return in_cookies(request, answer)


def in_cookies(request: Request, answer: dict[str, Any]) -> Response:
    """Tokens in cookies; the body tells only how long the access token is good."""
    response = Response({"expires_in": answer["expires_in"]})
    for kind, lifetime in _LIFETIMES.items():
        response.set_cookie(
            _name(request, kind),
            answer[kind],
            max_age=lifetime,
            secure=request.is_secure(),
            httponly=True,
            samesite="Strict",
        )
    return response


def forgotten(request: Request) -> Response:
    """No content, and no cookies any more."""
    response = Response(status=204)
    for kind in _LIFETIMES:
        # Browsers delete a cookie with such a name only if they are told Secure, which its prefix makes Django add.
        response.delete_cookie(_name(request, kind), samesite="Strict")
    return response


def _name(request: Request, kind: str) -> str:
    return f"__Host-{kind}" if request.is_secure() else kind


class CookieAuthentication(BaseAuthentication):
    """Accepts the access token's cookie."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        token = read(request, ACCESS)
        if not token or HEADER not in request.headers:
            return None
        check_origin(request)
        return BearerAuthentication.of_token(request, token)

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
