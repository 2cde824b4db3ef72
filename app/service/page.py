"""The page at `/` and its files, answered from memory: they wait for nothing and take no thread.

The files' folder is named after their content, so that browsers may keep them for ever. While a roll-out has hosts of two
versions, a page may ask for files of the other one's folder: it gets those that there are, and keeps none.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service import bridge
from service.bridge import Answer, Headers

if TYPE_CHECKING:
    from asgiref.typing import HTTPScope

FOLDER = Path(__file__).resolve().parent.parent / "page"
INDEX = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    # Forms are sent by script; without it, a password must not get into an address.
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
_PROTECTION = {
    "content-security-policy": "; ".join(_POLICY),
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
# Browsers heed them over HTTPS only, and complain about the second otherwise.
_SECURE = {
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "cross-origin-opener-policy": "same-origin",
}
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    content_type: str
    plain: bytes
    compressed: bytes

    @classmethod
    def of(cls, name: str, content: bytes) -> "_File":
        return cls(_TYPES[Path(name).suffix], content, gzip.compress(content, mtime=0))


class Page:
    """The files of a folder: the page, and what it loads."""

    def __init__(self, folder: Path = FOLDER) -> None:
        contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }
        digest = hashlib.sha256()
        for name, content in contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self.version = digest.hexdigest()[:16]
        self.prefix = f"/page/{self.version}/"
        index = contents.pop(INDEX).replace(b'"./', f'"{self.prefix}'.encode())
        self.index = _File.of(INDEX, index)
        self.files = {name: _File.of(name, content) for name, content in contents.items()}
        # Otherwise each module is asked for only when the one that imports it has arrived.
        modules = (name for name in self.files if name.endswith(".js"))
        self.preload = ", ".join(f"<{self.prefix}{name}>; rel=modulepreload" for name in modules)

    def answer(self, scope: "HTTPScope") -> Answer | None:
        """The answer to a request for the page or one of its files; none for any other."""
        if scope["method"] not in ("GET", "HEAD"):
            return None
        path = scope["path"]
        if path == "/":
            return self._page(scope)
        if not path.startswith("/page/"):
            return None
        version, _, name = path.removeprefix("/page/").partition("/")
        file = self.files.get(name)
        if file is None:
            return None
        caching = _FOREVER if version == self.version else "no-store"
        return _answer(scope, file, {"cache-control": caching})

    def _page(self, scope: "HTTPScope") -> Answer:
        # Weak: it stands for the compressed form, too.
        etag = f'W/"{self.version}"'
        headers = {"cache-control": "no-cache", "etag": etag}
        if etag in bridge.header(scope, b"if-none-match"):
            return Answer(304, _encoded(headers), b"")
        return _answer(scope, self.index, {**headers, "link": self.preload})


def _answer(scope: "HTTPScope", file: _File, headers: dict[str, str]) -> Answer:
    compressed = "gzip" in bridge.header(scope, b"accept-encoding")
    body = file.compressed if compressed else file.plain
    every = {
        "content-type": file.content_type,
        "content-length": str(len(body)),
        "vary": "accept-encoding",
        **({"content-encoding": "gzip"} if compressed else {}),
        **headers,
        **_PROTECTION,
        **(_SECURE if bridge.header(scope, b"x-forwarded-proto") == "https" else {}),
    }
    return Answer(200, _encoded(every), body)


def _encoded(headers: dict[str, str]) -> Headers:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
