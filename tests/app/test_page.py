"""The page's files: what protects them, how long they are kept, and that they wait for nothing."""

import gzip
import re

import pytest

from conftest import APP


@pytest.fixture
def index(api):
    return api("GET", "/")


def files(index) -> list[str]:
    """What the page loads at once."""
    return re.findall('(?:src|href)="(/page/[^"]+)"', index.text)


def test_the_page_and_what_it_loads(api, index):
    assert index.status_code == 200
    assert index.headers["Content-Type"] == "text/html; charset=utf-8"
    types = {api("GET", path).headers["Content-Type"] for path in files(index)}
    assert types == {"text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"}


def test_every_module_is_announced_with_the_page(api, index):
    announced = re.findall("<(/page/[^>]+)>; rel=modulepreload", index.headers["Link"])
    names = {path.split("/", 3)[3] for path in announced}
    page = APP / "page"
    assert names == {str(path.relative_to(page)) for path in page.rglob("*.js")}
    assert all(api("GET", path).status_code == 200 for path in announced)


@pytest.mark.parametrize("path", ["/", "FILE"])
def test_nothing_is_allowed_that_the_page_does_not_need(api, index, path):
    headers = api("GET", files(index)[0] if path == "FILE" else path).headers
    policy = dict(
        part.partition(" ")[::2] for part in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    own = {"script-src", "style-src", "img-src", "connect-src"}
    assert {name for name, value in policy.items() if value == "'self'"} == own
    for name in ("base-uri", "form-action", "frame-ancestors", "trusted-types"):
        assert policy[name] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_what_only_https_has(api):
    for scheme, there in (("https", True), ("http", False)):
        headers = api("GET", "/", headers={"X-Forwarded-Proto": scheme}).headers
        assert ("Strict-Transport-Security" in headers) is there
        assert ("Cross-Origin-Opener-Policy" in headers) is there


def test_the_page_holds_neither_inline_script_nor_style_nor_anything_of_others(index):
    assert re.findall("<script(?![^>]* src=)|<style| style=| on[a-z]+=|https?://", index.text) == []


def test_files_are_kept_for_ever_and_the_page_is_asked_for_anew(api, index):
    assert index.headers["Cache-Control"] == "no-cache"
    again = api("GET", "/", headers={"If-None-Match": index.headers["ETag"]})
    assert (again.status_code, again.body) == (304, b"")
    assert api("GET", "/", headers={"If-None-Match": 'W/"another"'}).status_code == 200
    for path in files(index):
        assert "immutable" in api("GET", path).headers["Cache-Control"]


def test_a_page_of_another_version_gets_files_that_are_not_kept(api, index):
    other = re.sub("/page/[0-9a-f]+/", "/page/0123456789abcdef/", files(index)[-1])
    response = api("GET", other)
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")


def test_other_content_has_another_version(tmp_path):
    from service.page import Page

    (tmp_path / "index.html").write_text('<script src="./main.js"></script>')
    versions = set()
    for content in ("1", "2"):
        (tmp_path / "main.js").write_text(content)
        page = Page(tmp_path)
        assert page.version.encode() in page.index.plain
        versions.add(page.version)
    assert len(versions) == 2


def test_compressed_for_whoever_reads_that(api, index):
    for path in ("/", *files(index)):
        plain = api("GET", path)
        small = api("GET", path, headers={"Accept-Encoding": "br, gzip"})
        assert "Content-Encoding" not in plain.headers
        assert small.headers["Content-Encoding"] == "gzip"
        assert small.headers["Vary"] == "accept-encoding"
        assert gzip.decompress(small.body) == plain.body


@pytest.mark.parametrize("path", ["/page/x/main.py", "/page/x/../index.html", "/page/", "/page"])
def test_what_is_no_file_of_the_page(api, path):
    assert api("GET", path).json["code"] == "not_found"


def test_only_read(api):
    assert api("POST", "/").json["code"] == "not_found"


def test_no_thread_and_nothing_of_django_is_needed(api, monkeypatch):
    monkeypatch.setattr(api.application, "threads", {})
    monkeypatch.setattr(api.application, "application", None)
    index = api("GET", "/")
    assert all(api("GET", path).status_code == 200 for path in files(index))
