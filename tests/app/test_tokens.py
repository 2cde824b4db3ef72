import time
from types import SimpleNamespace

import jwt
import pytest

from accounts import tokens

NEW, OLD = "n" * 64, "o" * 64


def claims(**changes) -> dict:
    now = int(time.time())
    base = {
        "iss": tokens.ISSUER,
        "aud": tokens.AUDIENCE,
        "type": "access",
        "sub": "f" * 64,
        "ver": 1,
        "iat": now,
        "exp": now + 3600,
        "jti": "j",
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def sign(payload: dict, key: str = NEW, kid: str | None = "new", algorithm="HS256") -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(payload, key, algorithm, headers=headers)


def test_issued_token_is_valid_for_its_use_only():
    token = tokens.issue(tokens.ACCESS, tokens.Claims("a" * 32, 3))
    assert tokens.verify(token, tokens.ACCESS) == tokens.Claims("a" * 32, 3)
    with pytest.raises(tokens.InvalidToken):
        tokens.verify(token, tokens.REFRESH)
    assert jwt.get_unverified_header(token)["kid"] == "new"


@pytest.mark.parametrize(("key", "kid"), [(NEW, "new"), (OLD, "old")])
def test_every_key_verifies(api, key, kid):
    assert api("GET", "/v1/tasks", token=sign(claims(), key, kid)).status_code == 200


PAST = int(time.time()) - 3600
BAD = {
    "expired": sign(claims(exp=PAST)),
    "issued in the future": sign(claims(iat=2**33, exp=2**34)),
    "wrong audience": sign(claims(aud="another")),
    "no audience": sign(claims(aud=None)),
    "wrong issuer": sign(claims(iss="another")),
    "refresh instead of access": sign(claims(type="refresh")),
    "no type": sign(claims(type=None)),
    "no expiry": sign(claims(exp=None)),
    "no subject": sign(claims(sub=None)),
    "no version": sign(claims(ver=None)),
    "no id": sign(claims(jti=None)),
    "another key": sign(claims(), "x" * 64),
    "key of another kid": sign(claims(), OLD, "new"),
    "unknown kid": sign(claims(), NEW, "unknown"),
    "no kid": sign(claims(), NEW, None),
    "algorithm none": sign(claims(), "", "new", "none"),
    "another algorithm": sign(claims(), NEW, "new", "HS512"),
    "not a token": "nonsense",
    "empty parts": "..",
    "not ASCII": "é.é.é",
    "no token": " ",
}


@pytest.mark.parametrize(
    ("kind", "seconds"), [(tokens.ACCESS, 10 * 60), (tokens.REFRESH, 14 * 24 * 3600)]
)
def test_lifetimes(monkeypatch, kind, seconds):
    token = tokens.issue(kind, tokens.Claims("a" * 32, 1, "s", 1))
    now = time.time()
    # Also one that was verified before expires.
    tokens.verify(token, kind)
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + seconds))
    tokens.verify(token, kind)
    monkeypatch.setattr(tokens, "time", SimpleNamespace(time=lambda: now + seconds + 7))
    with pytest.raises(tokens.InvalidToken):
        tokens.verify(token, kind)


@pytest.mark.parametrize("name", BAD)
def test_bad_access_token(api, name):
    response = api("GET", "/v1/tasks", token=BAD[name])
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("name", BAD)
def test_bad_refresh_token(api, user, name):
    response = api("POST", "/v1/token/refresh", {"refresh": BAD[name]})
    assert response.status_code in (400, 401)


def test_access_token_does_not_refresh(api, user):
    response = api("POST", "/v1/token/refresh", {"refresh": user.tokens["access"]})
    assert response.status_code == 401


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Bearer", "Token abc"])
def test_no_bearer_token(api, header):
    response = api("GET", "/v1/tasks", headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
