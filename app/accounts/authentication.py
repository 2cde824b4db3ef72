"""Authentication by access token: no database, no bucket."""

from dataclasses import dataclass
from typing import Any, ClassVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens


@dataclass(frozen=True)
class Principal:
    """Whoever sent the request: `request.user`."""

    account: str
    token_version: int
    is_authenticated: ClassVar[bool] = True


def principal(request: Request) -> Principal:
    """Whoever sent a request that had to be authenticated."""
    user: object = request.user
    assert isinstance(user, Principal)
    return user


class BearerAuthentication(BaseAuthentication):
    """Accepts `Authorization: Bearer <access token>`."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        return self.of_token(request, token.decode("latin-1").strip())

    @staticmethod
    def of_token(request: Request, token: str) -> tuple[Principal, None]:
        """Whoever has this access token."""
        try:
            claims = tokens.verify(token, tokens.ACCESS)
        except tokens.InvalidToken as error:
            raise AuthenticationFailed(
                "The access token is not valid, or has expired.", code="token_invalid"
            ) from error
        request.META["service.account"] = claims.account
        return Principal(claims.account, claims.version), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's schema describes it."""

    target_class = BearerAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:
        return build_bearer_security_scheme_object("Authorization", "Bearer", "JWT")
