"""Runs the WSGI application for a request whose body has arrived completely."""

import io
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from asgiref.typing import HTTPScope

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    headers: Headers
    # A file is sent piece by piece, and closed then.
    body: bytes | IO[bytes]
    account: str = ""


class _File:
    """What WSGI calls a file wrapper: the application hands over a file instead of its content."""

    def __init__(self, file: IO[bytes], block_size: int = 0) -> None:
        self.file = file


def run(application: WSGIApplication, scope: "HTTPScope", body: bytes) -> Answer:
    """Has the application answer a request."""
    environ = environ_of(scope, body)
    status = ""
    headers: list[tuple[str, str]] = []

    def start_response(
        line: str, pairs: list[tuple[str, str]], exc_info: "OptExcInfo | None" = None, /
    ) -> Any:
        nonlocal status, headers
        status, headers = line, pairs

    response: Any = application(environ, start_response)
    content: bytes | IO[bytes]
    if isinstance(response, _File):
        content = response.file
    else:
        try:
            content = b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()
    return Answer(
        int(status[:3]),
        [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        content,
        environ.get("service.account", ""),
    )


def environ_of(scope: "HTTPScope", body: bytes) -> WSGIEnvironment:
    """The WSGI environment of a request."""
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # WSGI's way of giving bytes.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"] or scope["path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        # Django uses Host, which every request of HTTP/1.1 has.
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": client_of(scope),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": _File,
        "service.legacy": legacy_of(scope),
    }
    for name, value in scope["headers"]:
        if b"_" in name or name in (b"content-length", b"transfer-encoding"):
            # With an underscore it could pass for another header, such as that of the load balancer.
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def legacy_of(scope: "HTTPScope") -> str:
    """The old route that was asked for, or an empty text."""
    name: str = scope.get("state", {}).get("legacy", "")
    return name


def header(scope: "HTTPScope", name: bytes) -> str:
    """The last header of a name, or an empty text."""
    for key, value in reversed(list(scope["headers"])):
        if key == name:
            return value.decode("latin-1")
    return ""


def client_of(scope: "HTTPScope") -> str:
    """The client's address: the load balancer appends what it saw; what stands before that anyone can forge."""
    forwarded = header(scope, b"x-forwarded-for").rpartition(",")[2].strip()
    return forwarded or (scope["client"][0] if scope["client"] else "")
