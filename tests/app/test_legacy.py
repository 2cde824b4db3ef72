"""The routes of the replaced systems."""

import json
import logging
import re
from urllib.parse import quote

import pytest

from accounts.limits import LOGIN
from conftest import APP, User
from core.logs import JsonFormatter
from fake_aws import desired
from legacy.routes import COOKIE, SUCCESSORS
from service import docs

CREDENTIALS = "alice/correct horse battery"


@pytest.fixture
def legacy(settings_with):
    with settings_with(legacy_routes=True):
        yield


@pytest.fixture
def log(monkeypatch):
    """Every line that the service logs, at any level."""
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(JsonFormatter().format(record))

    keep = Keep(logging.DEBUG)
    loggers = [logging.getLogger(name) for name in ("", "django")]
    for logger in loggers:
        logger.addHandler(keep)
        monkeypatch.setattr(logger, "level", logging.DEBUG)
    yield lines
    for logger in loggers:
        logger.removeHandler(keep)


def path_of(route: str, login: str, password: str) -> str:
    return f"/{route}/{quote(login, safe='')}/{quote(password, safe='')}"


class OldClient:
    """A client that asks with GET, and keeps cookies."""

    def __init__(self, api) -> None:
        self.api = api
        self.cookie = ""

    def __call__(self, path: str):
        response = self.api("GET", path, headers={"Cookie": self.cookie} if self.cookie else None)
        if "Set-Cookie" in response.headers:
            self.cookie = response.headers["Set-Cookie"].partition(";")[0]
        return response


@pytest.fixture
def client(api, legacy):
    return OldClient(api)


@pytest.fixture
def old_admin(client, admin):
    assert client(path_of("signin", admin.login, admin.password)).status_code == 200
    return client


def test_sign_up_sign_in_and_the_page(client):
    login, password = "Ümit+old@example.com", "a/pass word?with%&signs"
    assert client("/private").status_code == 401
    assert client(path_of("signup", login, password)).status_code == 201
    assert client("/private").status_code == 401
    answer = client(path_of("signin", login, password))
    assert (answer.status_code, answer.json["token_type"]) == (200, "Bearer")
    page = client("/private/")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "signed in as ümit+old@example.com." in page.text
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_the_cookie_is_no_good_to_scripts_other_sites_and_new_routes(client, user):
    answer = client(path_of("signin", user.login, user.password))
    _, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=600"} <= {*attributes}
    assert client("/v1/account").status_code == 401
    secure = client.api(
        "GET",
        path_of("signin", user.login, user.password),
        headers={"X-Forwarded-Proto": "https"},
    )
    assert "Secure" in secure.headers["Set-Cookie"].split("; ")


def test_a_token_in_the_header_counts_as_well(client, user):
    client.cookie = f"{COOKIE}=nonsense"
    assert client("/private").status_code == 401
    assert user("GET", "/private", headers={"Cookie": client.cookie}).status_code == 200


def test_rules_are_those_of_the_new_routes(client, user):
    refused = client("/signup/alice/short")
    assert refused.status_code == 400
    assert refused.json["errors"][0]["code"] == "password_length"
    assert client(path_of("signup", user.login, "another password")).status_code == 409


def test_a_guesser_is_limited(client, user):
    statuses = [
        client(path_of("signin", f"nobody-{user.login}", "a wrong password")).status_code
        for _ in range(LOGIN.burst + 2)
    ]
    assert statuses[: LOGIN.burst] == [401] * LOGIN.burst
    assert statuses[LOGIN.burst :] == [429, 429]


def test_the_list_and_the_fleet_are_for_administrators(client, user, group):
    paths = ("/list", "/checkamount", "/setamount/3", "/setamount?amount=3")
    assert [client(path).status_code for path in paths] == [401] * 4
    client(path_of("signin", user.login, user.password))
    assert [client(path).status_code for path in paths] == [403] * 4
    assert desired(group) == 2


def test_the_fleet(old_admin, group):
    assert old_admin("/checkamount").json["desired"] == 2
    for path, size in (("/setamount/3", 3), ("/setamount?amount=4", 4), ("/setamount/4/", 4)):
        assert old_admin(path).status_code == 200
        assert desired(group) == size
    for path, status in (
        ("/setamount/99", 422),
        ("/setamount", 400),
        ("/setamount?desired=3", 400),
        ("/setamount/two", 400),
        ("/setamount/1/2", 400),
    ):
        assert old_admin(path).status_code == status, path
    assert desired(group) == 4


def test_the_list_is_as_long_as_a_page_can_be(old_admin, user):
    found = old_admin(f"/list?prefix={user.login}")
    assert [one["login"] for one in found.json["results"]] == [user.login]
    for _ in range(21):
        User(old_admin.api)
    assert len(old_admin("/list").json["results"]) > 20


@pytest.mark.parametrize("path", ["/signin/a", "/signin/a/b/c", "/signin", "/signup/a"])
def test_incomplete_paths(client, path):
    answer = client(path)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json["errors"]} == {"login", "password"}


def test_other_methods(api, legacy):
    for name in SUCCESSORS:
        answer = api("POST", f"/{name}", {})
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("name", SUCCESSORS)
def test_without_the_setting_the_new_route_is_named(user, name, method):
    successor = SUCCESSORS[name]
    answer = user(method, f"/{name}/alice/secret", headers={"Cookie": f"{COOKIE}=x"})
    assert (answer.status_code, answer.json["code"]) == (410, "gone")
    assert f"use {successor.method} {successor.path}." in answer.json["detail"]
    assert answer.headers["Link"] == f'<{successor.path}>; rel="successor-version"'
    assert "Set-Cookie" not in answer.headers


def test_the_new_routes_exist():
    paths = json.loads(docs._schema)["paths"]
    for successor in SUCCESSORS.values():
        assert successor.method.lower() in paths[successor.path]


def test_the_documents_map_every_old_route():
    text = (APP.parent / "docs/replaced-systems.md").read_text()
    rows = dict(re.findall(r"^\| `GET /(\w+)[^|]*` +\| `([^`]+)`", text, re.MULTILINE))
    assert rows.pop("healthcheck") == "GET /livez"
    assert rows == {
        name: f"{successor.method} {successor.path}" for name, successor in SUCCESSORS.items()
    }


def test_health_needs_no_setting(api):
    assert api("GET", "/healthcheck").status_code == 200


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        "/signup/alice/SECRET secret",
        "/signin/alice/SECRET secret",
        "/signin/alice/SECRET secret/",
        "//signin/alice/SECRET secret",
        "/signin/alice/more/SECRET secret",
        "/signin/SECRET secret",
        "/%73ignin/alice/SECRET secret",
        "/SignIn/alice/SECRET secret",
        "/v1/signin/alice/SECRET secret",
        "/api/signup/alice/SECRET secret",
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_no_password_is_logged(api, settings_with, log, path, method, enabled):
    with settings_with(legacy_routes=enabled):
        answer = api(method, path.replace(" ", "%20"))
    assert answer.status_code in (400, 401, 404, 405, 410)
    assert any('"logger": "access"' in line for line in log)
    assert not [line for line in log if "SECRET" in line]
    assert "SECRET" not in answer.text


def test_no_password_is_logged_when_the_service_fails(api, legacy, log, monkeypatch):
    def fail(*_):
        raise RuntimeError("injected")

    monkeypatch.setattr("accounts.sessions.authenticate", fail)
    assert api("GET", "/signin/alice/SECRET").status_code == 500
    assert [line for line in log if "injected" in line]
    assert not [line for line in log if "SECRET" in line]


def test_the_access_log_names_the_old_route(api, legacy, log):
    api("GET", f"/signin/{quote(CREDENTIALS)}")
    (line,) = [json.loads(line) for line in log if '"logger": "access"' in line]
    assert (line["legacy"], line["method"], line["path"]) == ("signin", "POST", "/v1/signin")
    log.clear()
    api("GET", "/v1/tasks")
    assert "legacy" not in log[-1]
