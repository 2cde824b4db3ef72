"""The API's description is complete, and true."""

import asyncio
import uuid

import pytest
from django.urls import get_resolver

from description import DOCUMENT, PROBLEM, described, operations, seen, validate
from service import capacity
from service.fields import FIELDS

METHODS = ("get", "post", "put", "patch", "delete")
HEALTH = ("/livez", "/healthcheck", "/readyz")
BODIES = {
    "/v1/account/delete": {"password": "not the right password"},
    "/v1/account/password": {"password": "x", "new_password": "another long password"},
    "/v1/fleet": {"desired": 2},
    "/v1/tasks": {"title": "task"},
    "/v1/tasks/{id}": {"title": "task"},
    "/v1/token/refresh": {"refresh": "x"},
}
CREDENTIALS = {"login": "nobody-described", "password": "not the right password"}


def served() -> set[tuple[str, str]]:
    """The operations of the views, by the paths as urls.py has them."""
    views = {
        (f"/{pattern.pattern}", method)
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern).startswith("v1/") and hasattr(pattern.callback, "view_class")
        for method in METHODS
        if hasattr(pattern.callback.view_class, method)
    }
    return {("/v1/schema", "get"), *((path, "get") for path in HEALTH)} | views


def test_every_operation_is_described():
    converters = {"/v1/tasks/{id}": "/v1/tasks/<uuid:pk>"}
    there = {
        (converters.get(path, path.replace("{account}", "<slug:account>")), method)
        for path, method, _ in operations()
    }
    assert there == served()


def fields():
    """Every field and parameter that the description has, by name."""

    def properties(name, schema):
        for called, inner in schema.get("properties", {}).items():
            if inner.get("type") == "array" or "items" in inner:
                yield from properties(f"{name}.{called}", inner["items"])
            elif "properties" in inner:
                yield from properties(f"{name}.{called}", inner)
            else:
                yield f"{name}.{called}", inner

    for name, schema in DOCUMENT["components"]["schemas"].items():
        yield from properties(name, schema)
    for path, method, operation in operations():
        for one in operation.get("parameters", ()):
            yield f"{method} {path} {one['name']}", one["schema"]
        for status, response in operation["responses"].items():
            for name, header in response.get("headers", {}).items():
                yield f"{method} {path} {status} {name}", header["schema"]
            for content in response.get("content", {}).values():
                yield from properties(f"{method} {path} {status}", content["schema"])


def test_every_field_has_bounds_and_examples():
    for name, schema in fields():
        assert schema.get("examples"), name
        for example in schema["examples"]:
            validate(example, schema)
        if "string" in schema.get("type", ""):
            assert schema.keys() & {"pattern", "maxLength", "format", "enum", "const"}, name


def test_no_field_is_described_in_vain():
    names = {
        part
        for name, _ in fields()
        for part in (name, name.rpartition(".")[2], name.rpartition(" ")[2])
    }
    names |= DOCUMENT["components"]["schemas"].keys()
    assert {name for name in FIELDS if ":" not in name} <= names


def test_every_operation_says_what_it_does():
    for path, method, operation in operations():
        assert 0 < len(operation["summary"]) < 120, (path, method)
        (tag,) = operation["tags"]
        assert tag in {one["name"] for one in DOCUMENT["tags"]}, (path, method)


def test_security():
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert schemes.keys() == {"bearer", "session", "sessionHeader"}
    for path, method, operation in operations():
        public = path.startswith(("/v1/sign", "/v1/session", "/v1/token", "/v1/schema", *HEALTH))
        signed_in = not public or path == "/v1/signout"
        assert ("security" in operation) == signed_in, (path, method)
        if signed_in:
            assert operation["security"] == [{"bearer": []}, {"session": [], "sessionHeader": []}]
            assert operation["responses"].keys() >= {"401", "403"}


def test_every_refusal_is_a_problem():
    for path, method, operation in operations():
        if path in HEALTH:
            continue
        assert operation["responses"].keys() >= {"400", "503"}, (path, method)
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == [PROBLEM], (path, status)
            if status in ("429", "503"):
                assert "Retry-After" in response["headers"], (path, status)


# Each status that is described can be had.


class Asking:
    """Asks an operation, as someone who may."""

    def __init__(self, user, path: str, method: str) -> None:
        self.user, self.path, self.method = user, path, method
        self.operation = DOCUMENT["paths"][path][method]
        filled = path.replace("{account}", user.key).replace("{id}", str(uuid.uuid4()))
        self.target = filled
        self.headers = {"X-Session": "cookie"} if path == "/v1/session" else {}

    def __call__(self, expected: int, *, anonymous=False, target="", headers=None, **options):
        if "requestBody" in self.operation and not options:
            options = {"body": BODIES.get(self.path, CREDENTIALS)}
        ask = self.user.api if anonymous else self.user
        response = ask(
            self.method.upper(),
            target or self.target,
            headers=self.headers | (headers or {}),
            **options,
        )
        assert response.status_code == expected, (self.method, self.path, response.text)


def never():
    async def receive():
        await asyncio.sleep(3600)

    return receive


@pytest.mark.parametrize(
    ("path", "method"),
    [(path, method) for path, method, _ in operations() if path not in HEALTH],
)
def test_what_every_operation_may_answer(admin, path, method, monkeypatch):
    asking = Asking(admin, path, method)
    answers = asking.operation["responses"].keys()
    asking(400, headers={"Host": "elsewhere.example"})
    if "406" in answers:
        asking(406, headers={"Accept": "text/html"})
    if "security" in asking.operation:
        asking(401, anonymous=True)
        cookie = {"Cookie": f"access={admin.tokens['access']}", "X-Session": "other"}
        asking(403, anonymous=True, headers=cookie)
    if "requestBody" in asking.operation:
        asking(413, data=b" " * (capacity.MAX_BODY_BYTES + 1))
        asking(415, data=b"x", content_type="text/plain")
        with monkeypatch.context() as patch:
            patch.setattr(capacity, "BODY_SECONDS", 0.01)
            asking(408, receive=never())
    if "{id}" in path:
        asking(404, target="/v1/tasks/no-id")
    with monkeypatch.context() as patch:
        patch.setattr(capacity, "MAX_RECEIVING", 0)
        asking(503)


def test_health_answers(api, monkeypatch):
    for path in HEALTH:
        assert api("GET", path).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(capacity, "MAX_RECEIVING", 0)
        assert api("GET", "/readyz").status_code == 503
    assert api("GET", "/v1/schema").status_code == 200


def test_what_accounts_may_answer(api, user, other, admin, no_time_passes):
    stranger = {"X-Forwarded-For": "198.18.0.77"}
    in_cookies = {**stranger, "X-Session": "cookie"}
    assert (
        api("POST", "/v1/signup", {**user.credentials, "password": "quite another one"}).status_code
        == 409
    )
    for _ in range(11):
        wrong = {**user.credentials, "password": "something else altogether"}
        api("POST", "/v1/signin", wrong, headers=stranger)
    # Guesses count wherever they are made.
    known = {"headers": stranger}
    assert api("POST", "/v1/signin", user.credentials, **known).status_code == 429
    assert api("POST", "/v1/session", user.credentials, headers=in_cookies).status_code == 429
    assert api("POST", "/v1/signup", user.credentials, **known).status_code == 429
    body = {"password": user.password, "new_password": "quite another password"}
    assert user("PUT", "/v1/account/password", body, **known).status_code == 429
    assert (
        user("POST", "/v1/account/delete", {"password": user.password}, **known).status_code == 429
    )
    assert (
        api("POST", "/v1/session", other.credentials, headers={"X-Session": "x"}).status_code == 403
    )
    assert (
        api("POST", "/v1/session", CREDENTIALS, headers={"X-Session": "cookie"}).status_code == 401
    )
    session = api("POST", "/v1/session", other.credentials, headers={"X-Session": "cookie"})
    assert session.status_code == 200
    cookie = "; ".join(one.split(";")[0] for one in session.headers.getlist("Set-Cookie"))
    with_session = {"X-Session": "cookie", "Cookie": cookie}
    assert api("PUT", "/v1/session", headers=with_session).status_code == 200
    assert api("PUT", "/v1/session", headers={"X-Session": "cookie"}).status_code == 401
    assert api("PUT", "/v1/session", headers={**with_session, "X-Session": "x"}).status_code == 403
    assert (
        api("DELETE", "/v1/session", headers={**with_session, "X-Session": "x"}).status_code == 403
    )
    assert api("DELETE", "/v1/session", headers=with_session).status_code == 204
    refreshed = api("POST", "/v1/token/refresh", {"refresh": user.tokens["refresh"]})
    assert refreshed.status_code == 200
    assert api("POST", "/v1/token/refresh", {"refresh": "x"}).status_code == 401
    assert other("GET", "/v1/account").status_code == 200
    assert other("GET", "/v1/activity").status_code == 200
    assert admin("GET", f"/v1/accounts?prefix={other.login}").status_code == 200
    for action in ("lock", "unlock", "signout"):
        assert admin("POST", f"/v1/accounts/{other.key}/{action}").status_code == 200
        assert admin("POST", f"/v1/accounts/{'0' * 32}/{action}").status_code == 404
    assert admin("POST", f"/v1/accounts/{admin.key}/lock").status_code == 409
    admin("POST", f"/v1/accounts/{other.key}/lock")
    assert other.sign_in().status_code == 403
    admin("POST", f"/v1/accounts/{other.key}/unlock")
    other.tokens = other.sign_in().json
    body = {"password": other.password, "new_password": "quite another password"}
    other.tokens = other("PUT", "/v1/account/password", body).json
    assert other("POST", "/v1/signout").status_code == 204
    body = {"login": other.login, "password": "quite another password"}
    other.tokens = api("POST", "/v1/signin", body).json
    assert other("POST", "/v1/account/delete", {"password": body["password"]}).status_code == 204


def test_what_the_fleet_may_answer(admin, group, monkeypatch):
    from fleet import groups

    assert admin("GET", "/v1/fleet").status_code == 200
    assert admin("GET", "/v1/fleet/history").status_code == 200
    assert admin("PUT", "/v1/fleet", {"desired": 3}).status_code == 200
    assert admin("PUT", "/v1/fleet", {"desired": 30}).status_code == 422

    def busy(*_):
        raise groups.ScalingInProgress()

    monkeypatch.setattr(groups, "set_desired", busy)
    assert admin("PUT", "/v1/fleet", {"desired": 2}).status_code == 409


def test_what_tasks_may_answer(user):
    path = f"/v1/tasks/{uuid.uuid4()}"
    key = {"headers": {"Idempotency-Key": uuid.uuid4().hex}}
    assert user("PUT", path, {"title": "one"}).status_code == 201
    assert user("PUT", path, {"title": "two"}).status_code == 200
    assert user("GET", path).status_code == 200
    assert user("GET", path, headers={"If-None-Match": '"2"'}).status_code == 304
    assert user("GET", "/v1/tasks").status_code == 200
    assert user("POST", "/v1/tasks", {"title": "one"}, **key).status_code == 201
    assert user("POST", "/v1/tasks", {"title": "two"}, **key).status_code == 422
    assert user("PATCH", path, {"title": "three"}).status_code == 200
    for method, body in (("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        assert user(method, path, body, headers={"If-Match": '"1"'}).status_code == 412
    assert user("DELETE", path).status_code == 204


def test_every_described_status_was_answered():
    """By the tests above, and those of any other module that ran before."""
    assert described() - seen == set()
