"""What the API's description says of every operation alike, so that no view repeats it."""

from http import HTTPStatus
from typing import Any

from accounts import cookies
from core.problems import CONTENT_TYPE
from service.fields import describe

_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457). `code` is stable: programs decide by it.",
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "pattern": "^[a-z_]+$"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "With the code `invalid`: what is wrong with which field.",
            "items": {
                "type": "object",
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
                "required": ["field", "code", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "code", "detail"],
    "example": {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "code": "not_found",
        "detail": "Not found.",
    },
}
_EVERYWHERE = {
    "400": "The request is malformed or not valid.",
    "406": "Only JSON is to be had.",
    "503": "What the request needs does not answer, or too many requests wait for it. Try again.",
}
_WITH_BODY = {
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "415": "The body is of another media type.",
}
_SIGNED_IN = {
    "401": "The access token is missing, not valid, or has expired.",
    "403": "Another site asks with the session of a browser.",
}
# A program sends its token; the page's session is in a cookie, which counts only beside a header that other sites cannot send.
_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-access",
        "description": "The session of a browser: see /v1/session. Over plain HTTP the cookie is called `access`.",
    },
    "sessionHeader": {
        "type": "apiKey",
        "in": "header",
        "name": cookies.HEADER,
        "description": f"`{cookies.HEADER_VALUE}`: without it no cookie counts.",
    },
}
_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"session": [], "sessionHeader": []}]
_WITH_ID = {"404": "There is no such thing, it is somebody else's, or the path is no id."}
_HEADERS: dict[str, dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    **{
        status: {
            "Retry-After": {
                "description": "Seconds.",
                "schema": {"type": "string"},
                "required": True,
            }
        }
        for status in ("429", "503")
    },
}


def _get(operation: str, tag: str, summary: str, responses: dict[str, Any]) -> dict[str, Any]:
    described = {"operationId": operation, "summary": summary, "tags": [tag]}
    return {"get": {**described, "responses": responses}}


def _json(description: str, schema: dict[str, Any], **content: Any) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": schema}, **content},
    }


def _status(*values: str) -> dict[str, Any]:
    return {"type": "string", "enum": list(values), "examples": [values[0]]}


_LIVE = {
    "200": _json(
        "It is.",
        {"type": "object", "properties": {"status": _status("ok")}, "required": ["status"]},
    )
}
_CHECK = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean", "examples": [False]},
        "reason": {
            "type": "string",
            "description": "What is wrong; only if something is.",
            "minLength": 1,
            "maxLength": 256,
            "examples": ["no answer within 2 s"],
        },
    },
    "required": ["ok"],
}
_PARTS = ["database", "accounts", "migrations"]
_READINESS = {
    "type": "object",
    "properties": {
        "status": _status("ready", "unavailable"),
        "checks": {
            "type": "object",
            "properties": {name: _CHECK for name in _PARTS},
            "required": _PARTS,
        },
    },
    "required": ["status", "checks"],
}
_REFUSED = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

# They are answered by no view of REST framework.
_OTHERS = {
    "/livez": _get("livez", "health", "Is the process alive?", _LIVE),
    "/healthcheck": _get("healthcheck", "health", "Is the process alive? As /livez.", _LIVE),
    "/readyz": _get(
        "readyz",
        "health",
        "Can this host serve everything?",
        {
            "200": _json("It can.", _READINESS),
            "503": {
                **_json("It cannot; which part is away, and why.", _READINESS, **_REFUSED),
                "headers": _HEADERS["503"],
            },
        },
    ),
    "/v1/schema": _get(
        "v1_schema",
        "schema",
        "This description.",
        {
            "200": {
                "description": "OpenAPI 3.1.",
                "content": {"application/vnd.oai.openapi+json": {"schema": {"type": "object"}}},
            },
            "400": {"description": _EVERYWHERE["400"], "content": _REFUSED},
            "503": {
                "description": _EVERYWHERE["503"],
                "content": _REFUSED,
                "headers": _HEADERS["503"],
            },
        },
    ),
}

# How operations are grouped where people read about them, by the beginnings of their paths.
_GROUPS = {
    "sessions": ("/v1/signin", "/v1/signout", "/v1/token", "/v1/session"),
    # Before "account", whose path begins theirs.
    "accounts": ("/v1/accounts",),
    "account": ("/v1/signup", "/v1/account"),
    "tasks": ("/v1/tasks",),
    "activity": ("/v1/activity",),
    "fleet": ("/v1/fleet",),
}

# Which answer leads to which requests, and what of it they take.
_ID = {"id": "$response.body#/id"}
_ACCOUNT = {"account": "$response.body#/id"}
_GIVEN = {"login": "$request.body#/login", "password": "$request.body#/password"}
_TASK = [
    ("v1_tasks_retrieve", {"parameters": _ID}),
    ("v1_tasks_update", {"parameters": _ID}),
    ("v1_tasks_partial_update", {"parameters": _ID}),
    ("v1_tasks_destroy", {"parameters": _ID}),
]
_LINKS: dict[tuple[str, str, str], list[tuple[str, dict[str, Any]]]] = {
    ("/v1/tasks", "post", "201"): _TASK,
    ("/v1/signup", "post", "201"): [
        ("v1_signin_create", {"requestBody": _GIVEN}),
        ("v1_accounts_lock_create", {"parameters": _ACCOUNT}),
        ("v1_accounts_unlock_create", {"parameters": _ACCOUNT}),
        ("v1_accounts_signout_create", {"parameters": _ACCOUNT}),
    ],
    ("/v1/signin", "post", "200"): [
        ("v1_token_refresh_create", {"requestBody": {"refresh": "$response.body#/refresh"}}),
    ],
}


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Gives an operation the refusals that it shares with others, and every refusal its form."""
    # The first sentence of what a view says of itself.
    operation["summary"] = operation["description"].partition(". ")[0].split("\n")[0].rstrip(".")
    operation["tags"] = [next(group for group, paths in _GROUPS.items() if path.startswith(paths))]
    responses = operation["responses"]
    shared = dict(_EVERYWHERE)
    if "requestBody" in operation:
        shared |= _WITH_BODY
    if "security" in operation:
        shared |= _SIGNED_IN
        operation["security"] = _SECURITY
    if "{" in path:
        shared |= _WITH_ID
    for status, description in shared.items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            continue
        response["content"] = _REFUSED
        if status in _HEADERS:
            response["headers"] = {**response.get("headers", {}), **_HEADERS[status]}
    operation["responses"] = dict(sorted(responses.items()))


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook that drf-spectacular calls with the description that it has made of the views."""
    schemas = result["components"]["schemas"]
    schemas["Problem"] = _PROBLEM
    result["components"]["securitySchemes"] |= _SCHEMES
    for path, operations in result["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    result["paths"] |= _OTHERS
    result["tags"] = [{"name": name} for name in (*_GROUPS, "health", "schema")]
    for (path, method, status), links in _LINKS.items():
        result["paths"][path][method]["responses"][status]["links"] = {
            operation: {"operationId": operation, **link} for operation, link in links
        }
    for name, schema in schemas.items():
        describe(schema, name)
        _describe_properties(name, schema)
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            for one in operation.get("parameters", ()):
                where, called = one["in"], one["name"]
                describe(
                    one["schema"],
                    f"{path}:{called}",
                    f"{method}:{called}",
                    f"{where}:{called}",
                    called,
                )
            for response in operation["responses"].values():
                for called, header in response.get("headers", {}).items():
                    describe(header["schema"], called)
    return result


def _describe_properties(name: str, schema: dict[str, Any]) -> None:
    for called, inner in schema.get("properties", {}).items():
        if inner.get("type") == "array":
            _describe_properties(name, inner["items"])
        else:
            describe(inner, f"{name}.{called}", called)
