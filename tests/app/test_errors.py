"""Every error has one shape."""

import http.client

import pytest

from service import capacity
from tasks import lists


def assert_problem(response, status: int, code: str):
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Instance-Id"] == "i-0123456789abcdef0"
    body = response.json
    assert body["status"] == status
    assert body["code"] == code
    assert body["title"] == http.client.responses[status]
    assert body["type"] == "about:blank"
    assert body["detail"]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/tasks/", "/v1/tasks/1", "/admin", "/%C3%A9"])
def test_unknown_path(api, path):
    assert_problem(api("GET", path), 404, "not_found")


def test_method_not_allowed(api):
    response = api("GET", "/v1/signin")
    assert_problem(response, 405, "method_not_allowed")
    assert response.headers["Allow"] == "POST, OPTIONS"


def test_not_authenticated(api):
    assert_problem(api("GET", "/v1/tasks"), 401, "not_authenticated")


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 30_000, b'{"login": NaN}'])
def test_malformed_json(api, body):
    response = api("POST", "/v1/signin", data=body, content_type="application/json")
    assert response.status_code == 400
    if body:
        assert_problem(response, 400, "parse_error")


@pytest.mark.parametrize("body", [[], "text", 1, {"login": {}, "password": []}, {"login": "only"}])
def test_invalid_body(api, body):
    response = api("POST", "/v1/signin", body)
    assert_problem(response, 400, "invalid")
    for error in response.json["errors"]:
        assert set(error) == {"field", "code", "detail"}


def test_other_media_types(api):
    response = api("POST", "/v1/signin", data=b"login=a", content_type="text/plain")
    assert_problem(response, 415, "unsupported_media_type")
    response = api("GET", "/v1/tasks", headers={"Accept": "text/html"})
    assert response.headers["Content-Type"] == "application/problem+json"


def test_large_body(api):
    response = api("POST", "/v1/signin", data=b"x" * 65_537, content_type="application/json")
    assert_problem(response, 413, "body_too_large")


def test_foreign_host(api):
    response = api("GET", "/v1/tasks", headers={"Host": "evil.example"})
    assert_problem(response, 400, "bad_request")


def test_failure(api, user, monkeypatch, caplog):
    def fail(*_):
        raise ZeroDivisionError("the secret reason")

    monkeypatch.setattr(lists, "page", fail)
    # That it may fail is no part of its description.
    monkeypatch.setattr(api, "check", lambda *_: None)
    response = user("GET", "/v1/tasks")
    assert_problem(response, 500, "error")
    assert "the secret reason" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("GET", "/v1/tasks", 0, 200),
        ("POST", "/v1/tasks", 0, 400),
        ("POST", "/v1/tasks", capacity.MAX_BODY_BYTES + 1, 413),
        ("GET", "/v1/fleet", 0, 403),
        ("GET", "/nothing", 0, 404),
        ("GET", "/list", 0, 410),
        ("GET", "/livez", 0, 200),
        ("GET", "/readyz", 0, 200),
    ],
)
def test_security_headers(user, method, path, size, status):
    response = user(method, path, data=b"x" * size)
    assert response.status_code == status
    headers = response.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in headers
    assert "Server" not in headers


def test_a_header_with_an_underscore_passes_for_no_other(user):
    secure = "Strict-Transport-Security"
    assert secure in user("GET", "/v1/tasks", headers={"X-Forwarded-Proto": "https"}).headers
    assert secure not in user("GET", "/v1/tasks", headers={"X_Forwarded_Proto": "https"}).headers
