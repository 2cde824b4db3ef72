"""The routes of the systems that this service replaces, for clients that still use them.

A request to one of them becomes the request that does its work now, before anything else looks at it: rules, limits and
permissions are those of the new route, and a password that stood in the path is in the body from here on.
"""

import json
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote

from core import environment

if TYPE_CHECKING:
    from asgiref.typing import ASGIReceiveCallable, HTTPRequestEvent, HTTPScope

# Holds the access token of an old client, which knows nothing of Authorization.
COOKIE = "legacy_access"


@dataclass(frozen=True)
class Successor:
    """What does an old route's work now."""

    method: str
    path: str
    # What ended the old path, by its names in the body.
    members: tuple[str, ...] = ()
    # The name of the only one, where it could stand in the query instead.
    parameter: str = ""
    query: bytes = b""


SUCCESSORS = {
    "signup": Successor("POST", "/v1/signup", ("login", "password")),
    "signin": Successor("POST", "/v1/signin", ("login", "password")),
    "private": Successor("GET", "/v1/account"),
    # The old list had no pages: as long a one as there is.
    "list": Successor("GET", "/v1/accounts", query=b"limit=100"),
    "checkamount": Successor("GET", "/v1/fleet"),
    "setamount": Successor("PUT", "/v1/fleet", ("desired",), parameter="amount"),
}


def translate(
    scope: "HTTPScope", receive: "ASGIReceiveCallable"
) -> tuple["HTTPScope", "ASGIReceiveCallable"]:
    """The request as it is to be logged and served."""
    raw = scope["raw_path"].decode("latin-1") if scope["raw_path"] else quote(scope["path"])
    name, *given = (unquote(part) for part in raw.strip("/").split("/"))
    if name not in SUCCESSORS:
        return _without_password(scope, [name, *given]), receive
    if scope["method"] != "GET" or not environment.current().legacy_routes:
        return _at(f"/{name}", scope), receive
    successor = SUCCESSORS[name]
    translated = _at(successor.path, scope)
    translated["method"] = successor.method
    translated["query_string"] = scope["query_string"] or successor.query
    translated["headers"] = [*scope["headers"], *_headers(scope, successor)]
    translated["state"] = {"legacy": name}
    if not successor.members:
        return translated, receive
    if successor.parameter and not given:
        given = parse_qs(scope["query_string"].decode("latin-1")).get(successor.parameter, [])
    complete = len(given) == len(successor.members)
    members = dict(zip(successor.members, given, strict=True)) if complete else {}
    body: HTTPRequestEvent = {
        "type": "http.request",
        "body": json.dumps(members).encode(),
        "more_body": False,
    }

    async def receive_members() -> "HTTPRequestEvent":
        return body

    return translated, receive_members


def _headers(scope: "HTTPScope", successor: Successor) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", b"application/json")] if successor.members else []
    given = dict(scope["headers"])
    if b"authorization" not in given:
        try:
            cookies = SimpleCookie(given.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            cookies = SimpleCookie()
        if COOKIE in cookies:
            headers.append((b"authorization", f"Bearer {cookies[COOKIE].value}".encode("latin-1")))
    return headers


def _without_password(scope: "HTTPScope", parts: list[str]) -> "HTTPScope":
    """A misspelt old request is not found, but what follows may be a password all the same."""
    for index, part in enumerate(parts[:-1]):
        if part.casefold() in ("signup", "signin"):
            return _at("/" + "/".join([*parts[: index + 1], "-"]), scope)
    return scope


def _at(path: str, scope: "HTTPScope") -> "HTTPScope":
    return {**scope, "path": path, "raw_path": quote(path).encode()}
