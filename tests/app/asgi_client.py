"""Asks the whole application in this process, as the load balancer would, without a server."""

import asyncio
import json
import threading
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote

from werkzeug.datastructures import Headers

CLIENT = ("198.51.100.1", 40000)


@cache
def loop() -> asyncio.AbstractEventLoop:
    """One event loop for the whole run, in a thread of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


@dataclass
class Response:
    status_code: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def ask(application, method: str, target: str, headers=None, data=b"", receive=None) -> Response:
    """Sends one request; `receive` replaces the arrival of the body."""
    path, _, query = target.partition("?")
    given = Headers({"Host": "service.example", **(headers or {})})
    if data:
        given.setdefault("Content-Length", str(len(data)))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": quote(path, safe="/%").encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given],
        "client": CLIENT,
        "server": ("127.0.0.1", 8000),
    }
    sent = []

    async def arrive():
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message):
        sent.append(message)

    run = application(scope, receive or arrive, send)
    asyncio.run_coroutine_threadsafe(run, loop()).result(60)
    start, *bodies = sent
    received = Headers(
        [(name.decode(), value.decode("latin-1")) for name, value in start["headers"]]
    )
    return Response(start["status"], received, b"".join(message["body"] for message in bodies))
