import argon2
import pytest

from accounts import passwords, store
from accounts.rules import normalize_login
from core import aws
from fake_aws import objects

PASSWORD = "correct horse battery"


def sign_up(api, login, password=PASSWORD):
    return api("POST", "/v1/signup", {"login": login, "password": password})


def test_sign_up_sign_in_refresh_sign_out(api, user):
    response = user.sign_in()
    assert response.status_code == 200
    tokens = response.json
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)

    response = api("POST", "/v1/token/refresh", {"refresh": tokens["refresh"]})
    assert response.status_code == 200
    assert api("GET", "/v1/tasks", token=response.json["access"]).status_code == 200

    assert api("POST", "/v1/signout", token=tokens["access"]).status_code == 204
    response = api("POST", "/v1/token/refresh", {"refresh": tokens["refresh"]})
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")


def test_sign_out_again_spares_what_was_issued_since(api, user):
    assert user("POST", "/v1/signout").status_code == 204
    later = user.sign_in().json
    assert user("POST", "/v1/signout").status_code == 204
    assert api("POST", "/v1/token/refresh", {"refresh": later["refresh"]}).status_code == 200


def test_deleted_account_cannot_refresh_and_can_sign_out(api, user):
    aws.s3().delete_object(Bucket="accounts", Key=f"accounts/v1/{user.key}.json")
    refresh = {"refresh": user.tokens["refresh"]}
    assert api("POST", "/v1/token/refresh", refresh).status_code == 401
    assert user("POST", "/v1/signout").status_code == 204


def test_login_is_taken_in_every_spelling(api):
    assert sign_up(api, "Straße.①@example.com").status_code == 201
    for same in (
        "strasse.1@example.com",
        "STRASSE.1@EXAMPLE.COM",
        " Straße.1@example.com ",
    ):
        response = sign_up(api, same)
        assert (response.status_code, response.json["code"]) == (409, "login_taken")
    assert api("POST", "/v1/signin", {"login": "STRASSE.1@example.com", "password": PASSWORD}).json[
        "access"
    ]


@pytest.mark.parametrize("login", ["Ǆungla", "ﬁne", "İstanbul", "ᾳbc", "한국어", "ΌΣΟΣ"])
def test_normalizing_twice_changes_nothing(login):
    assert normalize_login(normalize_login(login)) == normalize_login(login)


@pytest.mark.parametrize(
    "login",
    [
        "",
        "ab",
        "a" * 65,
        "with space",
        "semi;colon",
        "nul\0nul",
        "slash/slash",
        "a\ud800c",
    ],
)
def test_login_rules(api, login):
    response = sign_up(api, login)
    assert response.status_code == 400
    assert [error["field"] for error in response.json["errors"]] == ["login"]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short12", "password_length"),
        ("x" * 129, "password_length"),
        ("password123", "password_too_common"),
        ("PASSWORD123", "password_too_common"),
        ("Rules-Login", "password_is_login"),
        ("", "blank"),
        ("x" * 2000, "max_length"),
    ],
)
def test_password_rules(api, password, code):
    response = sign_up(api, "rules-login", password)
    assert response.status_code == 400
    (error,) = response.json["errors"]
    assert (error["field"], error["code"]) == ("password", code)


def test_password_spaces_and_spellings(api):
    assert sign_up(api, "spaces", "  spaces count  ").status_code == 201
    sign_in = {"login": "spaces", "password": "spaces count"}
    assert api("POST", "/v1/signin", sign_in).status_code == 401
    assert sign_up(api, "accents", "ca\u0308fe\u0301 cre\u0300me").status_code == 201
    sign_in = {"login": "accents", "password": "c\u00e4f\u00e9 cr\u00e8me"}
    assert api("POST", "/v1/signin", sign_in).status_code == 200


def test_object_tells_neither_login_nor_password(user):
    (body,) = [body for key, body in objects().items() if user.key in key]
    for text in (user.login, user.password):
        assert text.encode() not in body
        assert not any(text in key for key in objects())
    assert b"$argon2id$v=19$m=19456,t=2,p=1$" in body


def test_wrong_password_and_unknown_login_look_alike(api, user, monkeypatch):
    checked = []
    verify = passwords.verify_password
    monkeypatch.setattr(
        passwords,
        "verify_password",
        lambda *args: checked.append(args) or verify(*args),
    )
    wrong = api("POST", "/v1/signin", {"login": user.login, "password": "something else"})
    unknown = api("POST", "/v1/signin", {"login": "nobody", "password": "something else"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    # Both went through the hash function, with the same parameters.
    assert len(checked) == 2 and checked[1][1] is None
    assert not passwords.needs_rehash(passwords._DUMMY)


def test_hashing_is_bounded(api, user, monkeypatch):
    monkeypatch.setattr(passwords, "SLOT_WAIT_SECONDS", 0)
    with passwords._slot(), passwords._slot():
        response = user.sign_in()
    assert (response.status_code, response.json["code"]) == (503, "busy")
    assert response.headers["Retry-After"]
    assert user.sign_in().status_code == 200


def test_sign_in_renews_a_hash_of_other_parameters(user):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    old = weak.hash(user.password)
    store.change(user.key, lambda account: store.replace(account, password_hash=old))
    assert user.sign_in().status_code == 200
    assert "m=19456" in store.read(user.key).password_hash
    assert store.read(user.key).token_version == 1
    assert user.sign_in().status_code == 200


def test_failed_renewal_does_not_fail_the_sign_in(user, s3_faults):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    old = weak.hash(user.password)
    store.change(user.key, lambda account: store.replace(account, password_hash=old))
    s3_faults.answer("PUT", 503, times=2)
    assert user.sign_in().status_code == 200
    assert store.read(user.key).password_hash == old


def test_sign_in_works_without_the_database(api, database_away):
    login = {"login": "no-database", "password": PASSWORD}
    assert api("POST", "/v1/signup", login).status_code == 201
    response = api("POST", "/v1/signin", login)
    assert response.status_code == 200
    refresh = {"refresh": response.json["refresh"]}
    assert api("POST", "/v1/token/refresh", refresh).status_code == 200
    assert api("POST", "/v1/signout", token=response.json["access"]).status_code == 204
