"""The outermost WSGI layer: health, limits, the host's name on every response, and the access log."""

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from core.problems import CONTENT_TYPE, RETRY_AFTER_SECONDS, problem_body
from service.capacity import CONCURRENCY, PATIENCE_SECONDS, WAITING
from service.health import readiness

if TYPE_CHECKING:
    from _typeshed import OptExcInfo

MAX_BODY_BYTES = 64 * 1024
LIVENESS_PATHS = ("/livez", "/healthcheck")
READINESS_PATH = "/readyz"

_RETRY = ("Retry-After", str(RETRY_AFTER_SECONDS))

logger = logging.getLogger("access")


class Edge:
    """Wraps Django.

    Liveness is answered here, before Django: it touches neither database nor bucket and does not look at Host, so
    that the loss of a dependency never makes the load balancer give up every host.
    """

    def __init__(self, application: WSGIApplication, instance_id: str) -> None:
        self.application = application
        self.instance_id = instance_id
        self._slots = threading.BoundedSemaphore(CONCURRENCY)
        self._places = threading.BoundedSemaphore(CONCURRENCY + WAITING)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = time.monotonic()
        path = environ["PATH_INFO"]

        def respond(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: "OptExcInfo | None" = None,
            /,
        ) -> Callable[[bytes], object]:
            if path not in LIVENESS_PATHS:
                _log(environ, status, started)
            return start_response(status, [*headers, ("X-Instance-Id", self.instance_id)], exc_info)

        if path in LIVENESS_PATHS and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return _answer(respond, "200 OK", b'{"status": "ok"}')
        if "HTTP_TRANSFER_ENCODING" in environ:
            # Django reads no body without a length; saying so beats taking it for empty.
            body = problem_body(411, "length_required", "Send the body with a Content-Length.")
            return _answer(respond, "411 Length Required", body, CONTENT_TYPE)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > MAX_BODY_BYTES:
            detail = f"A body may have {MAX_BODY_BYTES} bytes."
            body = problem_body(413, "body_too_large", detail)
            return _answer(respond, "413 Content Too Large", body, CONTENT_TYPE)
        return self._admit(environ, length, respond)

    def _admit(
        self, environ: WSGIEnvironment, length: int, respond: StartResponse
    ) -> Iterable[bytes]:
        """Works on a few requests, lets a few wait, and refuses the rest at once: see service.capacity."""
        if not self._places.acquire(blocking=False):
            return _overloaded(respond)
        try:
            # Before it takes a slot: a client that sends slowly keeps nobody else waiting.
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
            if not self._slots.acquire(timeout=PATIENCE_SECONDS):
                return _overloaded(respond)
            try:
                return self._work(environ, respond)
            finally:
                self._slots.release()
        finally:
            self._places.release()

    def _work(self, environ: WSGIEnvironment, respond: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == READINESS_PATH and environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return _readiness(respond)
        return self.application(environ, respond)


def _overloaded(respond: StartResponse) -> Iterable[bytes]:
    body = problem_body(503, "overloaded", "Too many requests at this moment. Try again.")
    return _answer(respond, "503 Service Unavailable", body, CONTENT_TYPE, _RETRY)


def _readiness(respond: StartResponse) -> Iterable[bytes]:
    checks = readiness()
    ready = all(check["ok"] for check in checks.values())
    body = json.dumps({"status": "ready" if ready else "unavailable", "checks": checks})
    if ready:
        return _answer(respond, "200 OK", body.encode())
    return _answer(respond, "503 Service Unavailable", body.encode(), "application/json", _RETRY)


def _answer(
    respond: StartResponse,
    status: str,
    body: bytes,
    content_type: str = "application/json",
    *headers: tuple[str, str],
) -> Iterable[bytes]:
    respond(
        status,
        [
            ("Content-Type", content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            *headers,
        ],
    )
    return [body]


def _log(environ: WSGIEnvironment, status: str, started: float) -> None:
    fields = {
        "method": environ["REQUEST_METHOD"],
        "path": environ["PATH_INFO"],
        "status": int(status[:3]),
        "duration_ms": round((time.monotonic() - started) * 1000, 1),
        # The load balancer appends the address that it saw; what stands before it anyone can forge.
        "client": environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-1].strip(),
        "trace": environ.get("HTTP_X_AMZN_TRACE_ID", ""),
        "account": environ.get("service.account", ""),
    }
    logger.info("request", extra={"fields": fields})
