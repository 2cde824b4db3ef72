"""The page's session in cookies: no script reads them, and no other site makes use of them."""

from http.cookies import SimpleCookie

import pytest

from accounts import sessions, store
from activity import spool

ORIGIN = "http://service.example"


class Browser:
    """A page of the service in a browser that keeps cookies."""

    def __init__(self, api, scheme: str = "http") -> None:
        self.api = api
        self.scheme = scheme
        self.cookies: dict[str, str] = {}
        self.set: SimpleCookie = SimpleCookie()

    def __call__(self, method: str, path: str, body=None, headers=None):
        sent = {
            "X-Session": "cookie",
            "X-Forwarded-Proto": self.scheme,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(headers or {}),
        }
        response = self.api(method, path, body, headers={k: v for k, v in sent.items() if v})
        self.set = SimpleCookie()
        for line in response.headers.getlist("Set-Cookie"):
            self.set.load(line)
        for name, morsel in self.set.items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return response


@pytest.fixture
def browser(api, user):
    browser = Browser(api)
    response = browser("POST", "/v1/session", user.credentials)
    assert (response.status_code, response.json) == (200, {"expires_in": 600})
    return browser


def sessions_of(user) -> int:
    return len(store.read(user.login).sessions)


def test_signing_in_tells_no_token_to_scripts(user, browser):
    for morsel in browser.set.values():
        assert morsel["httponly"] and morsel["samesite"] == "Strict" and morsel["path"] == "/"
    assert {name: int(morsel["max-age"]) for name, morsel in browser.set.items()} == {
        "access": 600,
        "refresh": 14 * 24 * 3600,
    }
    assert browser("GET", "/v1/account").json["id"] == user.key


def test_over_https_nobody_else_can_plant_a_cookie(api, user):
    browser = Browser(api, "https")
    browser("POST", "/v1/session", user.credentials)
    assert browser.cookies.keys() == {"__Host-access", "__Host-refresh"}
    assert all(morsel["secure"] and not morsel["domain"] for morsel in browser.set.values())
    plain = {name.removeprefix("__Host-"): value for name, value in browser.cookies.items()}
    assert browser("GET", "/v1/account").status_code == 200
    browser.cookies = plain
    assert browser("GET", "/v1/account").status_code == 401
    assert browser("PUT", "/v1/session").status_code == 401


def test_a_wrong_password(api, user):
    browser = Browser(api)
    response = browser("POST", "/v1/session", user.credentials | {"password": "wrong"})
    assert (response.status_code, response.json["code"]) == (401, "invalid_credentials")
    assert not browser.cookies


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://service.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"X-Session": "yes"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/account"),
        ("POST", "/v1/tasks"),
        ("POST", "/v1/session"),
        ("PUT", "/v1/session"),
        ("DELETE", "/v1/session"),
    ],
)
def test_another_site_makes_no_use_of_them(browser, method, path, headers):
    response = browser(method, path, headers=headers)
    assert (response.status_code, response.json["code"]) == (403, "cross_site")


def test_without_the_header_no_cookie_counts(browser):
    assert browser("GET", "/v1/account", headers={"X-Session": ""}).status_code == 401
    assert browser("PUT", "/v1/session", headers={"X-Session": ""}).status_code == 403


def test_a_page_of_this_origin_may(browser):
    headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    assert browser("POST", "/v1/tasks", {"title": "from the page"}, headers).status_code == 201


def test_a_token_in_the_header_wins(browser, other):
    headers = {"Authorization": f"Bearer {other.tokens['access']}"}
    assert browser("GET", "/v1/account", headers=headers).json["id"] == other.key


def test_renewal(user, browser):
    first = dict(browser.cookies)
    browser.cookies.pop("access")
    assert browser("GET", "/v1/account").status_code == 401
    assert browser("PUT", "/v1/session").json == {"expires_in": 600}
    assert browser("GET", "/v1/account").status_code == 200
    assert browser.cookies["refresh"] != first["refresh"]


def test_two_tabs_and_a_reload_in_the_middle_of_a_renewal(user, browser):
    """Both renew with the same cookie; later, whichever answer came last, the session goes on."""
    spent = dict(browser.cookies)
    assert browser("PUT", "/v1/session").status_code == 200
    browser.cookies = spent
    assert browser("PUT", "/v1/session").status_code == 200
    assert browser("PUT", "/v1/session").status_code == 200
    assert browser("GET", "/v1/account").status_code == 200


def test_a_stolen_cookie_ends_the_session(user, browser, monkeypatch):
    spent = dict(browser.cookies)
    browser("PUT", "/v1/session")
    monkeypatch.setattr(sessions, "ROTATION_GRACE_SECONDS", -1)
    valid, browser.cookies = browser.cookies, spent
    assert browser("PUT", "/v1/session").json["code"] == "token_reused"
    browser.cookies = valid
    assert browser("PUT", "/v1/session").status_code == 401


def test_signing_out_ends_this_session_only(user, browser):
    refresh = dict(browser.cookies)
    count = sessions_of(user)
    assert browser("DELETE", "/v1/session").status_code == 204
    assert not browser.cookies
    assert sessions_of(user) == count - 1
    spool.drain()
    (event,) = user("GET", "/v1/activity?event=account.signed_out").json["results"]
    assert (event["account"], event["details"]) == (user.key, {"sessions": "this one"})
    assert user("POST", "/v1/token/refresh", {"refresh": user.tokens["refresh"]}).status_code == 200
    browser.cookies = refresh
    assert browser("PUT", "/v1/session").status_code == 401


def test_signing_out_again_or_without_an_account(user, browser):
    cookies = dict(browser.cookies)
    for _ in range(2):
        browser.cookies = dict(cookies)
        assert browser("DELETE", "/v1/session").status_code == 204
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    browser.cookies = dict(cookies)
    assert browser("DELETE", "/v1/session").status_code == 204
    assert not browser.cookies


def test_another_password_comes_with_other_cookies(user, browser):
    before = dict(browser.cookies)
    body = {"password": user.password, "new_password": "another long password"}
    response = browser("PUT", "/v1/account/password", body)
    assert (response.status_code, response.json) == (200, {"expires_in": 600})
    assert browser.cookies.keys() == before.keys()
    assert browser("PUT", "/v1/session").status_code == 200
    browser.cookies = before
    assert browser("PUT", "/v1/session").status_code == 401


def test_sign_out_over_https_deletes_what_https_set(api, user):
    browser = Browser(api, "https")
    browser("POST", "/v1/session", user.credentials)
    assert browser("DELETE", "/v1/session").status_code == 204
    assert all(morsel["secure"] for morsel in browser.set.values()) and not browser.cookies
