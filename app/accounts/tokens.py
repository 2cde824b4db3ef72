"""Stateless tokens: signed, short-lived for access, longer for refreshing.

An access token is good until it expires, whatever happens to its account: ACCESS_SECONDS bounds how long a revoked sign-in
still works. A refresh token is compared with the account at each use, and is good for one.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from core import environment

ALGORITHM = "HS256"
ISSUER = "django-on-ec2"
AUDIENCE = "django-on-ec2-api"
ACCESS = "access"
REFRESH = "refresh"
ACCESS_SECONDS = 10 * 60
REFRESH_SECONDS = 14 * 24 * 3600
# Clocks of two hosts differ a little.
LEEWAY_SECONDS = 5


class InvalidToken(Exception):
    """Not a token that this service issued for this use, or it has expired."""


@dataclass(frozen=True)
class Claims:
    """What a verified token says."""

    account: str
    version: int
    # Of a refresh token: which session, and the number within it.
    session: str = ""
    number: int = 0


def issue(kind: str, claims: Claims) -> str:
    """Signs a token with the first key; the others only verify, until what they signed has expired."""
    kid, key = next(iter(environment.current().token_keys.items()))
    now = int(time.time())
    lifetime = ACCESS_SECONDS if kind == ACCESS else REFRESH_SECONDS
    payload = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "type": kind,
        "sub": claims.account,
        "ver": claims.version,
        "iat": now,
        "exp": now + lifetime,
        "jti": uuid.uuid4().hex,
    }
    if kind == REFRESH:
        payload |= {"sid": claims.session, "num": claims.number}
    return jwt.encode(payload, key, ALGORITHM, headers={"kid": kid})


def verify(token: str, kind: str) -> Claims:
    """Checks signature, audience, type and time."""
    claims = _signed(token)
    if claims["exp"] < time.time() - LEEWAY_SECONDS:
        # It was good when it was seen first.
        raise InvalidToken("expired")
    if claims["type"] != kind:
        raise InvalidToken("another type of token")
    if kind == REFRESH and not {"sid", "num"} <= claims.keys():
        raise InvalidToken("no session")
    return Claims(claims["sub"], claims["ver"], claims.get("sid", ""), claims.get("num", 0))


@lru_cache(maxsize=4096)
def _signed(token: str) -> Mapping[str, Any]:
    """The claims of a token that we signed. Clients send the same one again and again, so what was found is kept."""
    try:
        key = environment.current().token_keys.get(jwt.get_unverified_header(token).get("kid", ""))
        if key is None:
            raise InvalidToken("unknown key")
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            leeway=LEEWAY_SECONDS,
            options={"require": ["iss", "aud", "type", "sub", "ver", "iat", "exp", "jti"]},
        )
    except jwt.InvalidTokenError as error:
        raise InvalidToken(str(error)) from error
