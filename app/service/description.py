"""What the API's description says of every operation alike, so that no view repeats it."""

from http import HTTPStatus
from typing import Any

from core.problems import CONTENT_TYPE

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
_SIGNED_IN = {"401": "The access token is missing, not valid, or has expired."}
_WITH_ID = {"404": "There is no such thing, it is somebody else's, or the path is no id."}
_HEADERS: dict[str, dict[str, Any]] = {
    "401": {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    **{
        status: {
            "Retry-After": {
                "description": "Seconds.",
                "schema": {"type": "string", "pattern": "^[0-9]+$"},
                "required": True,
            }
        }
        for status in ("429", "503")
    },
}


def _health(operation: str, summary: str, **responses: str) -> dict[str, Any]:
    answers = {
        status.removeprefix("_"): {
            "description": description,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
        for status, description in responses.items()
    }
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "tags": ["health"],
            "responses": answers,
        }
    }


# They are answered before Django has a view.
_HEALTH = {
    "/livez": _health("livez", "Is the process alive?", _200="It is."),
    "/readyz": _health(
        "readyz",
        "Can this host serve everything?",
        _200="It can.",
        _503="It cannot; which part is away, and why.",
    ),
}


def _complete(path: str, operation: dict[str, Any]) -> None:
    """Gives an operation the refusals that it shares with others, and every refusal its form."""
    responses = operation["responses"]
    shared = dict(_EVERYWHERE)
    if "requestBody" in operation:
        shared |= _WITH_BODY
    if "security" in operation:
        shared |= _SIGNED_IN
    if "{" in path:
        shared |= _WITH_ID
    for status, description in shared.items():
        responses.setdefault(status, {"description": description})
    for status, response in responses.items():
        if int(status) < HTTPStatus.BAD_REQUEST:
            continue
        response["content"] = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        if status in _HEADERS:
            response["headers"] = {**response.get("headers", {}), **_HEADERS[status]}
    operation["responses"] = dict(sorted(responses.items()))


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The hook that drf-spectacular calls with the description that it has made of the views."""
    result["components"]["schemas"]["Problem"] = _PROBLEM
    for path, operations in result["paths"].items():
        for operation in operations.values():
            _complete(path, operation)
    result["paths"] |= _HEALTH
    # What was made can be read, replaced, changed and deleted.
    result["paths"]["/v1/tasks"]["post"]["responses"]["201"]["links"] = {
        operation["operationId"]: {
            "operationId": operation["operationId"],
            "parameters": {"id": "$response.body#/id"},
        }
        for operation in result["paths"]["/v1/tasks/{id}"].values()
    }
    return result
