"""What the API's description says of fields and parameters beyond their types: bounds, forms and examples.

By name, since a name means the same everywhere; `Schema.name` or `where:name` where it does not. Tests hold every answer of the
service to it, and ask for an entry for each field and parameter.
"""

from typing import Any

from accounts import rules, tokens
from core.paging import MAX_CURSOR
from tasks.conditions import TAGS

Members = dict[str, Any]


def _text(*examples: str, most: int, least: int = 1, **more: Any) -> Members:
    return {"minLength": least, "maxLength": most, **more, "examples": list(examples)}


def _form(pattern: str, *examples: str, **more: Any) -> Members:
    return {"pattern": pattern, **more, "examples": list(examples)}


def _time(example: str = "2026-03-01T09:30:00.125Z") -> Members:
    return {"format": "date-time", "examples": [example]}


def _number(example: int, **more: int) -> Members:
    return {**more, "examples": [example]}


_UUID = {"examples": ["019ca8b1-5f60-7cc3-98c4-dc0c0c07398f"]}
_ACCOUNT = _form("^[0-9a-f]{32}$", "3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c")
_ACCOUNT_OR_NOBODY = {**_ACCOUNT, "pattern": "^([0-9a-f]{32})?$"}
_LOGIN = _text("ada@example.com", most=256, pattern=r"\S")
_PASSWORD = _text("three quiet herons", most=1024)
_NEW_PASSWORD = _text("three quiet herons", least=rules.MIN_PASSWORD, most=rules.MAX_PASSWORD)
_TOKEN = _form(
    r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$",
    "eyJhbGciOiJI.eyJpc3MiOiJk.dBjftJeZ4CVP",
    maxLength=4096,
)
_CURSOR = _form("^[A-Za-z0-9_-]*$", "WyI5ZjM2", maxLength=MAX_CURSOR)
_HOST = _text("i-0a1b2c3d4e5f67890", most=64)
_EVENT = {"examples": ["account.signed_in"]}
_CODE = _form("^[a-z_]+$", "not_found")
# Bodies in which an unknown field is refused.
_STRICT = {"additionalProperties": False}

FIELDS: dict[str, Members] = {
    "access": _TOKEN,
    "account": _ACCOUNT_OR_NOBODY,
    "path:account": _ACCOUNT,
    "query:account": _text("3f2b8c0e9d714a6f8b1c5d7e9f0a2b4c", most=64),
    "at": _time(),
    "cause": _text("An administrator asked for 3 hosts.", most=1023),
    "changed_at": _time(),
    "client": _text("203.0.113.9", least=0, most=64),
    "code": _CODE,
    "Credentials": _STRICT,
    "FleetSize": _STRICT,
    "NewCredentials": _STRICT,
    "NewPassword": _STRICT,
    "Password": _STRICT,
    "PatchedTaskPatch": {**_STRICT, "minProperties": 1},
    "RefreshToken": _STRICT,
    "TaskBody": _STRICT,
    "created_at": _time(),
    "cursor": _CURSOR,
    "description": _text("Launching a new EC2 instance: i-0a1b2c3d4e5f67890", least=0, most=8192),
    "desired": _number(3),
    "detail": _text("Not found.", most=8192),
    "details": {"examples": [{"version": 2}]},
    "done": {"examples": [False]},
    "ended_at": _time(),
    "event": _EVENT,
    "EventEnum": _EVENT,
    "everyone": {"examples": [True]},
    "expires_in": _number(tokens.ACCESS_SECONDS, minimum=1, maximum=tokens.ACCESS_SECONDS),
    "field": _text("title", least=0, most=256),
    "from": _number(2, minimum=0),
    "health": _text("Healthy", most=32),
    "host": _HOST,
    "id": _UUID,
    "Account.id": _ACCOUNT,
    "CreatedAccount.id": _ACCOUNT,
    "Instance.id": _HOST,
    "ScalingActivity.id": _text("f9f2d65b-f1f2-43e7-b46d-d86756459699", most=128),
    "Idempotency-Key": _form("^[!-~]{1,64}$", "9b1e0c7a-add-milk"),
    "If-Match": _form(TAGS, '"3"', maxLength=1024),
    "If-None-Match": _form(TAGS, '"3"', maxLength=1024),
    "put:If-None-Match": {"const": "*", "examples": ["*"]},
    "limit": _number(20),
    "locked": {"examples": [False]},
    "login": _LOGIN,
    "Account.login": _text("ada@example.com", least=rules.MIN_LOGIN, most=rules.MAX_LOGIN),
    "maximum": _number(6, minimum=0),
    "minimum": _number(2, minimum=0),
    "name": _text("tasks-prod-web-20260301093000", most=255),
    "new_password": _NEW_PASSWORD,
    "next_cursor": _CURSOR,
    "AccountPage.next_cursor": _text("ada@example.com", most=rules.MAX_LOGIN),
    "/v1/accounts:cursor": _text("ada@example.com", least=0, most=rules.MAX_LOGIN),
    "object": _text("019ca8b1-5f60-7cc3-98c4-dc0c0c07398f", least=0, most=255),
    "query:object": _text("019ca8b1-5f60-7cc3-98c4-dc0c0c07398f", most=255),
    "order": {"examples": ["-created"]},
    "password": _PASSWORD,
    "NewCredentials.password": _NEW_PASSWORD,
    "prefix": _text("ada", least=0, most=rules.MAX_LOGIN),
    "q": _text("milk", least=0, most=200),
    "refresh": _TOKEN,
    "request": _text("1-67891233-abcdef012345678912345678", least=0, most=128),
    "role": {"enum": ["user", "admin"], "examples": ["user"]},
    "since": _time(),
    "started_at": _time(),
    "state": _text("InService", most=64),
    "status": _text("Successful", most=64),
    "Problem.status": _number(404),
    "title": _text("Buy milk", most=200, pattern=r"\S"),
    "Problem.title": _text("Not Found", most=64),
    "to": _number(3, minimum=0),
    "token_type": {"const": "Bearer", "examples": ["Bearer"]},
    "type": {"examples": ["about:blank"]},
    "until": _time(),
    "updated_at": _time(),
    "version": _number(1, minimum=1, maximum=2**31 - 1),
    "X-Session": {"examples": ["cookie"]},
    "zone": _text("us-east-1a", most=32),
    # Headers of answers.
    "ETag": _form('^"[0-9]+"$', '"3"'),
    "Location": _form(
        "^/v1/tasks/[0-9a-f-]{36}$", "/v1/tasks/019ca8b1-5f60-7cc3-98c4-dc0c0c07398f"
    ),
    "Retry-After": _form("^[0-9]+$", "2"),
    "WWW-Authenticate": {"const": "Bearer", "examples": ["Bearer"]},
}


def describe(schema: dict[str, Any], *names: str) -> None:
    """Completes the schema of a field or a parameter by the first of its names that there is."""
    schema.update(next((FIELDS[name] for name in names if name in FIELDS), {}))
