import time
from dataclasses import replace
from types import SimpleNamespace

import argon2
import pytest
from django.db import connection

from accounts import passwords, sessions, store, tokens
from accounts.rules import normalize_login
from activity import spool
from conftest import User
from core import aws
from fake_aws import objects
from tasks.models import Task

PASSWORD = "correct horse battery staple"


def sign_up(api, login, password=PASSWORD):
    return api("POST", "/v1/signup", {"login": login, "password": password})


def refresh(api, tokens):
    return api("POST", "/v1/token/refresh", {"refresh": tokens["refresh"]})


def test_sign_up_sign_in_refresh_sign_out(api, user):
    response = user.sign_in()
    assert response.status_code == 200
    tokens = response.json
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)

    response = refresh(api, tokens)
    assert response.status_code == 200
    assert api("GET", "/v1/tasks", token=response.json["access"]).status_code == 200

    assert api("POST", "/v1/signout", token=tokens["access"]).status_code == 204
    response = refresh(api, response.json)
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")


def test_sign_out_again_spares_what_was_issued_since(api, user):
    assert user("POST", "/v1/signout").status_code == 204
    later = user.sign_in().json
    assert user("POST", "/v1/signout").status_code == 204
    assert refresh(api, later).status_code == 200


def test_a_lost_reply_to_a_sign_up_costs_nobody_the_account(api, user):
    again = api("POST", "/v1/signup", user.credentials)
    assert (again.status_code, again.json) == (201, {"id": user.key})
    other = {**user.credentials, "password": "another long password"}
    response = api("POST", "/v1/signup", other)
    assert (response.status_code, response.json["code"]) == (409, "login_taken")


def test_sign_up_whose_replies_from_s3_are_all_lost(api, s3_faults):
    # Both attempts of one write succeed unheard: the user is told to try again, and then that it has worked.
    s3_faults.before("PUT", lambda: None)
    s3_faults.lose_reply("PUT", times=2)
    assert sign_up(api, "unheard").status_code == 503
    assert sign_up(api, "unheard").status_code == 201


def test_sign_up_does_not_tell_passwords_faster_than_sign_in(api, user):
    wrong = {**user.credentials, "password": "another long password"}
    for _ in range(10):
        assert api("POST", "/v1/signup", wrong).status_code == 409
    assert api("POST", "/v1/signup", wrong).status_code == 429


def test_login_is_taken_in_every_spelling(api):
    assert sign_up(api, "Straße.①@example.com").status_code == 201
    for same in (
        "strasse.1@example.com",
        "STRASSE.1@EXAMPLE.COM",
        " Straße.1@example.com ",
    ):
        response = sign_up(api, same, "another long password")
        assert (response.status_code, response.json["code"]) == (409, "login_taken")
    sign_in = {"login": "STRASSE.1@example.com", "password": PASSWORD}
    assert api("POST", "/v1/signin", sign_in).json["access"]


@pytest.mark.parametrize("login", ["Ǆungla", "ﬁne", "İstanbul", "ᾳbc", "한국어", "ΌΣΟΣ"])
def test_normalizing_twice_changes_nothing(login):
    assert normalize_login(normalize_login(login)) == normalize_login(login)


@pytest.mark.parametrize(
    "login",
    [
        "हिन्दी",
        "İstanbul",
        "한국어",
        "ΌΣΟΣ",
        "Алиса",
        "東京タワー",
        "user_1",
        "٣عمر",
        "ᏣᎳᎩ",
        "9lives",
        "a-b.c+d@e",
    ],
)
def test_logins_of_any_script(api, login):
    assert sign_up(api, login).status_code == 201
    assert api("POST", "/v1/signin", {"login": login, "password": PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("login", "code"),
    [
        ("", "blank"),
        ("ab", "login_length"),
        ("a" * 65, "login_length"),
        ("with space", "login_invalid"),
        ("semi;colon", "login_invalid"),
        ("slash/slash", "login_invalid"),
        ("smile😀", "login_invalid"),
        ("nul\0nul", "null_characters_not_allowed"),
        ("a\ud800c", None),
        ("admin\u3164", "login_invisible"),
        ("admin\u200d", "login_invisible"),
        ("ad\u00admin", "login_invisible"),
        ("аdmin", "login_confusable"),
        ("αdmin", "login_confusable"),
        ("раypal", "login_confusable"),
    ],
)
def test_login_rules(api, login, code):
    response = sign_up(api, login)
    assert response.status_code == 400
    (error,) = [error for error in response.json["errors"] if error["field"] == "login"]
    assert code in (None, error["code"])


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("fourteen chars", "password_length"),
        ("x" * 129, "password_length"),
        ("password1234567", "password_too_common"),
        ("PASSWORDPASSWORD", "password_too_common"),
        ("qwertyuiopasdfgh", "password_too_common"),
        ("abcdefghijklmnop", "password_too_common"),
        ("123456789012345", "password_too_common"),
        ("               ", "password_guessable"),
        ("Rules-Login-Rules-Login", "password_guessable"),
        ("rules-login-2026!", "password_guessable"),
        ("DjangoTasksService1", "password_guessable"),
        ("", "blank"),
        ("x" * 2000, "max_length"),
    ],
)
def test_password_rules(api, password, code):
    response = sign_up(api, "rules-login", password)
    assert response.status_code == 400
    (error,) = response.json["errors"]
    assert (error["field"], error["code"]) == ("password", code)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "zwölf Boxkämpfer jagen", "東京の天気は今日も晴れです明日"],
)
def test_no_kinds_of_characters_are_asked_for(api, password):
    assert sign_up(api, f"any-{len(password)}", password).status_code == 201


def test_password_spaces_and_spellings(api):
    assert sign_up(api, "spaces", "  spaces count here  ").status_code == 201
    sign_in = {"login": "spaces", "password": "spaces count here"}
    assert api("POST", "/v1/signin", sign_in).status_code == 401
    assert (
        sign_up(api, "accents", "ca\u0308fe\u0301 cre\u0300me bru\u0302le\u0301e").status_code
        == 201
    )
    sign_in = {"login": "accents", "password": "c\u00e4f\u00e9 cr\u00e8me br\u00fbl\u00e9e"}
    assert api("POST", "/v1/signin", sign_in).status_code == 200


def test_objects_tell_no_password(user):
    bodies = [body for key, body in objects().items() if user.login in key or user.key in key]
    assert len(bodies) == 2
    assert not any(user.password.encode() in body for body in bodies)
    assert any(b"$argon2id$v=19$m=19456,t=2,p=1$" in body for body in bodies)


def test_tokens_and_rows_name_the_id_only(user):
    user("POST", "/v1/tasks", {"title": "mine"})
    assert Task.objects.get(owner=user.key).title == "mine"
    claims = tokens.verify(user.tokens["access"], tokens.ACCESS)
    assert claims.account == user.key
    assert user.login not in str(tokens._signed(user.tokens["refresh"]))


@pytest.fixture
def hashings(monkeypatch):
    """What the hash function was given."""
    given = []
    hasher = passwords._hasher

    def verify(encoded, password):
        given.append(encoded)
        return hasher.verify(encoded, password)

    fake = SimpleNamespace(
        verify=verify, hash=hasher.hash, check_needs_rehash=hasher.check_needs_rehash
    )
    monkeypatch.setattr(passwords, "_hasher", fake)
    return given


def test_wrong_password_and_unknown_login_look_alike(api, user, hashings, s3_faults):
    answers, asked = [], []
    for login in (user.login, f"nobody-{user.key}"):
        s3_faults.seen.clear()
        body = {"login": login, "password": "something else altogether"}
        answers.append(api("POST", "/v1/signin", body))
        asked.append(list(s3_faults.seen))
    wrong, unknown = answers
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json == unknown.json
    assert wrong.headers["WWW-Authenticate"] == "Bearer"
    # Both asked S3 the same, and went through the hash function with the same parameters.
    assert asked[0] == asked[1]
    assert len(hashings) == 2
    assert {encoded.rsplit("$", 2)[0] for encoded in hashings} == {"$argon2id$v=19$m=19456,t=2,p=1"}
    assert len(hashings[0]) == len(hashings[1])


def test_hashing_is_bounded(api, user, monkeypatch):
    monkeypatch.setattr(passwords, "TURN_WAIT_SECONDS", 0)
    with passwords._one_at_a_time():
        response = user.sign_in()
    assert (response.status_code, response.json["code"]) == (503, "busy")
    assert response.headers["Retry-After"]
    assert user.sign_in().status_code == 200


def test_sign_in_renews_a_hash_of_other_parameters(user):
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    old = weak.hash(user.password)
    store.change(user.login, lambda account: replace(account, password_hash=old))
    assert user.sign_in().status_code == 200
    assert "m=19456" in store.read(user.login).password_hash
    assert store.read(user.login).token_version == 1
    assert user.sign_in().status_code == 200


def test_sign_in_works_without_the_database(api, database_away):
    login = {"login": "no-database", "password": PASSWORD}
    assert api("POST", "/v1/signup", login).status_code == 201
    response = api("POST", "/v1/signin", login)
    assert response.status_code == 200
    response = refresh(api, response.json)
    assert response.status_code == 200
    token = response.json["access"]
    assert api("GET", "/v1/account", token=token).status_code == 200
    wrong = {**login, "password": "something else altogether"}
    for _ in range(10):
        assert (
            api("POST", "/v1/signin", wrong, headers={"X-Forwarded-For": "192.0.2.77"}).status_code
            == 401
        )
    assert (
        api("POST", "/v1/signin", wrong, headers={"X-Forwarded-For": "192.0.2.77"}).status_code
        == 429
    )
    assert api("POST", "/v1/signout", token=token).status_code == 204


# Rotation of refresh tokens


@pytest.fixture
def later(monkeypatch):
    """Moves the clock of the sessions."""
    offset = [0.0]
    monkeypatch.setattr(sessions, "time", SimpleNamespace(time=lambda: time.time() + offset[0]))

    def move(seconds):
        offset[0] += seconds

    return move


def test_a_spent_refresh_token_ends_its_session_only(api, user, later):
    first = user.sign_in().json
    second = refresh(api, first).json
    assert second["refresh"] != first["refresh"]
    later(11)
    response = refresh(api, first)
    assert (response.status_code, response.json["code"]) == (401, "token_reused")
    # Whoever has the next one, the thief or the owner, is out as well.
    assert refresh(api, second).status_code == 401
    assert refresh(api, user.tokens).status_code == 200


def test_a_lost_reply_to_a_refresh_does_not_end_the_session(api, user, later):
    first = user.tokens
    second = refresh(api, first).json
    later(9)
    third = refresh(api, first).json
    # Both replies are worth the same single use.
    assert refresh(api, third).status_code == 200
    later(11)
    assert refresh(api, second).json["code"] == "token_reused"


def test_an_older_token_has_no_grace(api, user):
    first = user.tokens
    refresh(api, refresh(api, first).json)
    assert refresh(api, first).json["code"] == "token_reused"


def test_sessions_are_few(api, user, later):
    first = user.tokens
    for _ in range(sessions.MAX_SESSIONS):
        later(1)
        last = user.sign_in().json
    assert len(store.read(user.login).sessions) == sessions.MAX_SESSIONS
    assert refresh(api, first).status_code == 401
    assert refresh(api, last).status_code == 200


def test_expired_sessions_are_dropped(user, later):
    later(tokens.REFRESH_SECONDS + 1)
    user.sign_in()
    assert len(store.read(user.login).sessions) == 1


# One's own account


def test_own_account(user):
    body = user("GET", "/v1/account").json
    assert set(body) == {"id", "login", "role", "locked", "created_at", "changed_at"}
    assert (body["id"], body["login"], body["role"]) == (user.key, user.login, "user")


def test_change_of_password(api, user):
    before = user.sign_in().json
    body = {"password": user.password, "new_password": "quite another password"}
    response = user("PUT", "/v1/account/password", body)
    assert response.status_code == 200
    fresh = response.json
    assert refresh(api, before).status_code == 401
    assert refresh(api, fresh).status_code == 200
    assert user.sign_in().status_code == 401
    user.password = body["new_password"]
    assert user.sign_in().status_code == 200


def test_change_of_password_wants_the_present_one_and_the_rules(user):
    path = "/v1/account/password"
    wrong = {"password": "something else altogether", "new_password": "quite another password"}
    response = user("PUT", path, wrong)
    assert (response.status_code, response.json["code"]) == (403, "wrong_password")
    for new in ("too short", f"{user.login} 1"):
        response = user("PUT", path, {"password": user.password, "new_password": new})
        assert response.json["errors"][0]["field"] == "new_password"
    user("POST", "/v1/signout")
    body = {"password": user.password, "new_password": "quite another password"}
    assert user("PUT", path, body).status_code == 401
    assert user.sign_in().status_code == 200


def test_deletion_takes_the_tasks_along_and_keeps_the_login(api, user, other):
    user("POST", "/v1/tasks", {"title": "gone"})
    other("POST", "/v1/tasks", {"title": "kept"})
    response = user("POST", "/v1/account/delete", {"password": "something else altogether"})
    assert response.status_code == 403
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    assert not Task.objects.filter(owner=user.key).exists()
    assert Task.objects.filter(owner=other.key).exists()
    assert user("GET", "/v1/account").status_code == 401
    assert user.sign_in().status_code == 401
    assert refresh(api, user.tokens).status_code == 401
    assert user("POST", "/v1/signout").status_code == 204
    assert api("POST", "/v1/signup", user.credentials).status_code == 409


def test_what_a_token_adds_after_the_deletion_goes_too(user, other):
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    assert user("POST", "/v1/tasks", {"title": "left over"}).status_code == 201
    other("POST", "/v1/tasks", {"title": "kept"})
    spool.drain()
    spool.keep_house()
    assert not Task.objects.filter(owner=user.key).exists()
    assert Task.objects.filter(owner=other.key).exists()
    connection.close()


def test_a_token_of_a_deleted_account_is_of_no_use_to_change_its_password(user):
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    passwords = {"password": user.password, "new_password": "quite another password"}
    assert user("PUT", "/v1/account/password", passwords).status_code == 401


def test_a_login_that_is_made_anew_inherits_nothing(api, user, monkeypatch):
    user("POST", "/v1/account/delete", {"password": user.password})
    # A task that was written while the account went.
    Task.objects.create(owner=user.key, title="left over")
    monkeypatch.setattr(store, "TOMBSTONE_SECONDS", -1)
    again = api("POST", "/v1/signup", user.credentials)
    assert again.status_code == 201 and again.json["id"] != user.key
    token = user.sign_in().json["access"]
    assert api("GET", "/v1/tasks", token=token).json["results"] == []
    assert refresh(api, user.tokens).status_code == 401
    assert user("GET", "/v1/account").status_code == 401


def test_deletion_holds_no_connection_while_it_waits_for_the_bucket(user, monkeypatch):
    held = []
    delete = store.delete

    def observed(account):
        held.append(connection.connection)
        return delete(account)

    monkeypatch.setattr(store, "delete", observed)
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    assert held == [None]


def test_deletion_waits_for_the_database(user, database_away):
    response = user("POST", "/v1/account/delete", {"password": user.password})
    assert (response.status_code, response.json["code"]) == (503, "database_unavailable")
    assert user.sign_in().status_code == 200


# Administrators


def test_listing_by_prefix_and_page(api, admin):
    prefix = f"page-{admin.key[:8]}"
    for end in "abcde":
        assert sign_up(api, f"{prefix}-{end}").status_code == 201
    gone = User(api)
    gone("POST", "/v1/account/delete", {"password": gone.password})
    pages, cursor = [], ""
    while cursor is not None:
        page = admin("GET", f"/v1/accounts?prefix={prefix}&limit=2&cursor={cursor}").json
        pages.append([account["login"].rpartition("-")[2] for account in page["results"]])
        cursor = page["next_cursor"]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    everybody = admin("GET", "/v1/accounts?limit=100")
    assert "argon2" not in everybody.text and "session" not in everybody.text
    assert admin("GET", f"/v1/accounts?prefix={gone.login}").json["results"] == []
    (mine,) = admin("GET", f"/v1/accounts?prefix={admin.login}").json["results"]
    assert mine["id"] == admin.key and mine["created_at"] and mine["changed_at"]
    assert admin("GET", "/v1/accounts?limit=101").status_code == 400


def test_lock_and_unlock(api, admin, user):
    path = f"/v1/accounts/{user.key}"
    response = admin("POST", f"{path}/lock")
    assert (response.status_code, response.json["locked"]) == (200, True)
    assert refresh(api, user.tokens).status_code == 401
    response = user.sign_in()
    assert (response.status_code, response.json["code"]) == (403, "account_locked")
    # Whoever does not know the password learns nothing.
    wrong = {**user.credentials, "password": "something else altogether"}
    assert api("POST", "/v1/signin", wrong).status_code == 401
    assert admin("POST", f"{path}/unlock").json["locked"] is False
    # What was locked out stays out.
    assert refresh(api, user.tokens).status_code == 401
    assert user.sign_in().status_code == 200


def test_a_locked_account_renews_nothing_whatever_else_holds(api, user):
    store.change(user.login, lambda account: replace(account, locked=True))
    assert refresh(api, user.tokens).status_code == 401


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"locked": True}, 403, "account_locked"),
        ({"password_hash": "$argon2id$another"}, 401, "invalid_credentials"),
        ({"id": "0" * 32}, 401, "invalid_credentials"),
    ],
    ids=["locked", "another password", "another account"],
)
@pytest.mark.parametrize("asked", ["to sign in", "for another password"])
def test_what_changes_while_a_password_is_compared_counts(
    user, s3_faults, change, status, code, asked
):
    s3_faults.before(
        "PUT", lambda: store.change(user.login, lambda account: replace(account, **change))
    )
    if asked == "to sign in":
        response = user.sign_in()
    else:
        body = {"password": user.password, "new_password": "quite another password"}
        response = user("PUT", "/v1/account/password", body)
    assert (response.status_code, response.json["code"]) == (status, code)
    assert len(store.read(user.login).sessions) == 1


def test_end_sessions(api, admin, user):
    assert admin("POST", f"/v1/accounts/{user.key}/signout").status_code == 200
    assert refresh(api, user.tokens).status_code == 401
    assert user.sign_in().status_code == 200


def test_administrators_do_not_lock_themselves_out(admin):
    response = admin("POST", f"/v1/accounts/{admin.key}/lock")
    assert (response.status_code, response.json["code"]) == (409, "own_account")


def test_administration_is_for_administrators(api, user, other):
    for method, path in (
        ("GET", "/v1/accounts"),
        *(
            ("POST", f"/v1/accounts/{other.key}/{action}")
            for action in ("lock", "unlock", "signout")
        ),
    ):
        assert user(method, path).json["code"] == "not_administrator"
        assert api(method, path).status_code == 401
    assert refresh(api, other.tokens).status_code == 200


def test_unknown_account(admin):
    for action in ("lock", "unlock", "signout"):
        assert admin("POST", f"/v1/accounts/{'0' * 32}/{action}").status_code == 404


@pytest.mark.parametrize("sent", ["in a header", "in a cookie"])
def test_the_access_log_names_who_has_a_token(api, user, caplog, sent):
    cookie = {"Cookie": f"access={user.tokens['access']}", "X-Session": "cookie"}
    with caplog.at_level("INFO"):
        if sent == "in a header":
            user("GET", "/v1/account")
        else:
            api("GET", "/v1/account", headers=cookie)
    (line,) = [record.fields for record in caplog.records if record.message == "request"]
    assert (line["status"], line["account"]) == (200, user.key)


def test_events_name_account_client_and_request(api, user, caplog):
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Amzn-Trace-Id": "Root=1-2-3"}
    with caplog.at_level("INFO"):
        api("POST", "/v1/signin", user.credentials, headers=headers)
        wrong = {**user.credentials, "password": "something else altogether"}
        api("POST", "/v1/signin", wrong, headers=headers)
    events = {
        record.message: record.fields for record in caplog.records if hasattr(record, "fields")
    }
    signed_in, refused = events["account.signed_in"], events["account.sign_in_refused"]
    for event in (signed_in, refused):
        assert (event["client"], event["request"]) == ("198.51.100.7", "1-2-3")
        assert event["object"] == user.key
    assert (events["request"]["client"], events["request"]["trace"]) == (
        "198.51.100.7",
        "Root=1-2-3",
    )
    assert (signed_in["account"], refused["account"]) == (user.key, "")
    assert refused["details"] == {"reason": "invalid_credentials"}
    (line,) = [
        r.fields for r in caplog.records if r.message == "request" and r.fields["status"] == 200
    ]
    assert line["account"] == user.key
    assert user.login not in caplog.text


@pytest.mark.parametrize("known", [False, True])
def test_a_sign_in_asks_the_bucket_so_often(user, known):
    """What docs/limits.md reckons with: tools/limits.ts has the same numbers."""
    if known:
        assert user.sign_in().status_code == 200
    asked = []
    events = aws.s3().meta.events
    count = lambda model, **_: asked.append(model.name)
    events.register("before-call.s3", count)
    try:
        assert user.sign_in().status_code == 200
    finally:
        events.unregister("before-call.s3", count)
    asked = [name for name in asked if name in ("GetObject", "PutObject")]
    assert (asked.count("GetObject"), asked.count("PutObject")) == (4, 2)
