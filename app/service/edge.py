"""The outermost layer: health, the page, limits, the host's name on every response, and the access log.

It is an ASGI application around Django's WSGI application. Connections, and bodies that arrive slowly or never, cost it
no thread: only a complete request is given to one.
"""

import asyncio
import faulthandler
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING
from wsgiref.types import WSGIApplication

from django.db import connections

from core.problems import CONTENT_TYPE, RETRY_AFTER_SECONDS, problem_body
from legacy import routes as legacy
from service import bridge, capacity
from service.bridge import Answer, Headers
from service.health import readiness
from service.page import Page

if TYPE_CHECKING:
    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

LIVENESS_PATHS = ("/livez", "/healthcheck")
READINESS_PATH = "/readyz"
FILE_BLOCK_BYTES = 64 * 1024

# As Django sets them on its responses.
_GUARDS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_RETRY = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())
# The rest of the body is not waited for.
_CLOSE = (b"connection", b"close")

logger = logging.getLogger("access")


class Overloaded(Exception):
    """A part has no thread to spare, and did not get one in time."""


class Disconnected(Exception):
    """The client has gone."""


class Threads:
    """The threads of one part."""

    def __init__(self, part: capacity.Part) -> None:
        self.slots = asyncio.Semaphore(part.threads)
        self.waiting = 0
        self.executor = ThreadPoolExecutor(part.threads, part.name)

    async def run(self, job: Callable[[], Answer]) -> Answer:
        """Runs a job when a thread is free; Overloaded if too many wait, or for too long."""
        if self.slots.locked():
            await self._wait()
        else:
            await self.slots.acquire()
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, job)
        finally:
            self.slots.release()

    async def _wait(self) -> None:
        if self.waiting >= capacity.WAITING:
            raise Overloaded
        self.waiting += 1
        try:
            async with asyncio.timeout(capacity.PATIENCE_SECONDS):
                await self.slots.acquire()
        except TimeoutError:
            raise Overloaded from None
        finally:
            self.waiting -= 1


class Edge:
    """Wraps Django.

    Liveness is answered here, before Django: it touches neither database nor bucket, needs no thread and does not look
    at Host, so that neither the loss of a dependency nor a flood makes the load balancer give up every host.
    """

    def __init__(self, application: WSGIApplication, instance_id: str) -> None:
        self.application = application
        self.instance_id = instance_id
        self.threads = {part: Threads(part) for part in capacity.PARTS}
        self.receiving = 0
        self.page = Page()

    async def __call__(
        self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"not served: {scope['type']}")
        started = time.monotonic()
        path = scope["path"]
        if path in LIVENESS_PATHS and scope["method"] in ("GET", "HEAD"):
            await self._send(send, _json(200, b'{"status": "ok"}'))
            return
        if path in (*LIVENESS_PATHS, READINESS_PATH) and scope["method"] not in ("GET", "HEAD"):
            allow = (b"allow", b"GET, HEAD")
            detail = "Health is asked with GET."
            await self._send(send, _problem(405, "method_not_allowed", detail, allow, _CLOSE))
            return
        scope, receive = legacy.translate(scope, receive)
        try:
            answer = self.page.answer(scope) or await self._answer(scope, receive)
        except Disconnected:
            return
        _log(scope, answer, started)
        await self._send(send, answer)

    async def _live(self, receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        # Its models need Django's set-up, which this module does not.
        from activity import spool

        await receive()
        watch = asyncio.create_task(_watch())
        spool.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watch.cancel()
        await asyncio.to_thread(spool.stop)
        # The pool's threads would hold up the end of the process for seconds.
        connections["default"].close_pool()  # type: ignore[attr-defined]
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: "HTTPScope", receive: "ASGIReceiveCallable") -> Answer:
        if self.receiving >= capacity.MAX_RECEIVING:
            return _overloaded(_CLOSE)
        self.receiving += 1
        try:
            async with asyncio.timeout(capacity.BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            detail = f"The body did not arrive within {capacity.BODY_SECONDS:g} s."
            return _problem(408, "body_timeout", detail, _CLOSE)
        finally:
            self.receiving -= 1
        if body is None:
            detail = f"A body may have {capacity.MAX_BODY_BYTES} bytes."
            return _problem(413, "body_too_large", detail, _CLOSE)
        job = partial(bridge.run, self.application, scope, body)
        if scope["path"] == READINESS_PATH:
            job = partial(_readiness)
        try:
            return await self.threads[capacity.part_of(scope["path"])].run(job)
        except Overloaded:
            return _overloaded()

    async def _send(self, send: "ASGISendCallable", answer: Answer) -> None:
        identity = (b"x-instance-id", self.instance_id.encode())
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answer.headers, identity],
                "trailers": False,
            }
        )
        if isinstance(answer.body, bytes):
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
            return
        with answer.body as file:
            # The client's pace is the file's: no more than a block of it is in memory.
            while block := file.read(FILE_BLOCK_BYTES):
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _watch() -> None:
    """Ends a worker whose loop does not turn any more, with a traceback of each thread; the server makes a new one."""
    while True:
        faulthandler.dump_traceback_later(capacity.STUCK_SECONDS, exit=True)
        await asyncio.sleep(capacity.STUCK_SECONDS / 6)


async def _body(receive: "ASGIReceiveCallable") -> bytes | None:
    """The whole body; nothing if it is too large."""
    received = bytearray()
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        size += len(message["body"])
        if size <= capacity.MAX_BODY_BYTES:
            received += message["body"]
        if size > capacity.MAX_DISCARDED_BYTES or not message["more_body"]:
            return bytes(received) if size <= capacity.MAX_BODY_BYTES else None


def _readiness() -> Answer:
    checks = readiness()
    ready = all(check["ok"] for check in checks.values())
    body = json.dumps({"status": "ready" if ready else "unavailable", "checks": checks}).encode()
    return _json(200, body) if ready else _json(503, body, _RETRY)


def _overloaded(*headers: tuple[bytes, bytes]) -> Answer:
    detail = "Too many requests at this moment. Try again."
    return _problem(503, "overloaded", detail, _RETRY, *headers)


def _problem(status: int, code: str, detail: str, *headers: tuple[bytes, bytes]) -> Answer:
    body = problem_body(status, code, detail)
    return Answer(status, [*_content(body, CONTENT_TYPE), *headers], body)


def _json(status: int, body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(status, [*_content(body, "application/json"), *headers], body)


def _content(body: bytes, content_type: str) -> Headers:
    return [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        *_GUARDS,
    ]


def _log(scope: "HTTPScope", answer: Answer, started: float) -> None:
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": answer.status,
        "duration_ms": round((time.monotonic() - started) * 1000, 1),
        "client": bridge.client_of(scope),
        "trace": bridge.header(scope, b"x-amzn-trace-id"),
        "account": answer.account,
    }
    if old := bridge.legacy_of(scope):
        fields["legacy"] = old
    logger.info("request", extra={"fields": fields})
