"""One shape for every error: problem details (RFC 9457), with a stable `code` for programs."""

import json
import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, InternalError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg.errors import ReadOnlySqlTransaction
from rest_framework import exceptions

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2

logger = logging.getLogger(__name__)


class Unavailable(exceptions.APIException):
    """Something that the request needs does not answer; the same request may work later."""

    status_code = 503
    default_code = "unavailable"
    default_detail = "The service cannot do this at the moment. Try again."


class DatabaseUnavailable(Unavailable):
    default_code = "database_unavailable"
    default_detail = "The database does not answer. Try again."


class DatabaseReadOnly(Unavailable):
    """The database host writes nothing more before its volume is full."""

    default_code = "database_read_only"
    default_detail = "The database takes no changes at the moment. Try again."


def problem_body(status: int, code: str, detail: str, **members: Any) -> bytes:
    """Problem details as JSON."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    return json.dumps({**body, "detail": detail, **members}).encode()


def problem(status: int, code: str, detail: str, **members: Any) -> HttpResponse:
    """Problem details as a response, with the headers that belong to its status."""
    response = HttpResponse(problem_body(status, code, detail, **members), CONTENT_TYPE, status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def exception_handler(exception: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """REST framework's exception handler. None makes it a 500."""
    match exception:
        case OperationalError() | InterfaceError():
            logger.warning("database: %s", exception)
            exception = DatabaseUnavailable()
        case InternalError(__cause__=ReadOnlySqlTransaction()):
            logger.warning("database: %s", exception)
            exception = DatabaseReadOnly()
        case Http404():
            exception = exceptions.NotFound()
        case PermissionDenied():
            exception = exceptions.PermissionDenied()
        case RecursionError():
            exception = exceptions.ParseError("The body is nested too deeply.")
        case exceptions.APIException():
            pass
        case _:
            return None
    if isinstance(exception, exceptions.ValidationError):
        errors = list(_field_errors(exception.get_full_details()))
        return problem(400, "invalid", "The request is not valid.", errors=errors)
    response = problem(exception.status_code, str(exception.get_codes()), str(exception.detail))
    wait = getattr(exception, "wait", None)
    if wait is not None:
        response["Retry-After"] = str(wait)
    if isinstance(exception, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def _field_errors(details: Any, field: str = "") -> Iterator[dict[str, str]]:
    if isinstance(details, dict) and "message" not in details:
        for name, value in details.items():
            yield from _field_errors(value, name)
    elif isinstance(details, list):
        for value in details:
            yield from _field_errors(value, field)
    else:
        yield {
            "field": field,
            "code": details["code"],
            "detail": str(details["message"]),
        }


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(400, "bad_request", "The request is malformed, or its host is not served here.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return problem(404, "not_found", "Nothing is served at this path.")


def server_error(request: HttpRequest) -> HttpResponse:
    return problem(500, "error", "The service failed; the failure is in its log.")
