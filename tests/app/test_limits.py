"""Limits on failed sign-ins."""

import time
import uuid
from types import SimpleNamespace

import pytest

from accounts import limits, store

HOME, STRANGER = "192.0.2.1", "203.0.113.66"


@pytest.fixture
def clock(monkeypatch):
    offset = [0.0]
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: time.time() + offset[0]))

    def move(seconds):
        offset[0] += seconds

    return move


@pytest.fixture
def network():
    """A network that no other test fails from."""
    return f"2001:db8:{uuid.uuid4().hex[:4]}:{uuid.uuid4().hex[:4]}"


def sign_in(api, login, password, client):
    body = {"login": login, "password": password}
    return api("POST", "/v1/signin", body, headers={"X-Forwarded-For": client})


def guess(api, login, client, times=1):
    return [sign_in(api, login, "not the right password", client).status_code for _ in range(times)]


@pytest.mark.parametrize("exists", [True, False])
def test_guesses_at_one_login_are_limited_wherever_they_come_from(
    api, user, network, clock, exists
):
    login = user.login if exists else f"nobody-{user.key}"
    clients = [f"{network[:-4]}{number:04x}::1" for number in range(12)]
    statuses = [guess(api, login, client)[0] for client in clients]
    assert statuses == [401] * 10 + [429] * 2
    response = sign_in(api, login, user.password, clients[0])
    assert (response.status_code, response.json["code"]) == (429, "too_many_failures")
    assert 0 < int(response.headers["Retry-After"]) <= 61
    # Never for good: one more guess each minute, and all of them again in time.
    clock(61)
    assert guess(api, login, clients[0], 2) == [401, 429]
    clock(61)
    expected = 200 if exists else 401
    assert sign_in(api, login, user.password, clients[0]).status_code == expected
    clock(601)
    assert guess(api, login, STRANGER, 11) == [401] * 10 + [429]


def test_a_stranger_does_not_lock_the_owner_out(api, user, network):
    home, stranger = f"{network}::1", "198.18.0.9"
    assert sign_in(api, user.login, user.password, home).status_code == 200
    assert guess(api, user.login, stranger, 11)[-1] == 429
    assert sign_in(api, user.login, user.password, home).status_code == 200
    # The owner's client has its own limit, and not none.
    assert guess(api, user.login, home, 11) == [401] * 10 + [429]


def test_guesses_of_one_client_are_limited_whatever_the_login(api, network, monkeypatch):
    monkeypatch.setattr(limits, "CLIENT", limits.Limit(burst=5, interval_seconds=10))
    # It can choose among the addresses of its network.
    statuses = [
        guess(api, f"nobody-{uuid.uuid4().hex}", f"{network}::{number}")[0]
        for number in range(1, 8)
    ]
    assert statuses == [401] * 5 + [429] * 2
    assert guess(api, f"nobody-{uuid.uuid4().hex}", "198.18.0.10") == [401]


def test_a_forged_header_is_no_way_around(api, network, monkeypatch):
    monkeypatch.setattr(limits, "CLIENT", limits.Limit(burst=5, interval_seconds=10))
    statuses = [
        guess(api, f"nobody-{uuid.uuid4().hex}", f"10.0.0.{number}, {network}::1")[0]
        for number in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


def test_success_does_not_count(api, user, network):
    for _ in range(12):
        assert sign_in(api, user.login, user.password, f"{network}::1").status_code == 200


def test_the_limit_holds_across_hosts_and_conflicts(s3_faults):
    subject = limits.of(uuid.uuid4().hex, uuid.uuid4().hex, known=False)
    s3_faults.before("PUT", lambda: limits.record_failure(subject))
    for _ in range(9):
        limits.record_failure(subject)
    with pytest.raises(limits.TooManyFailures):
        limits.check(subject)


def test_no_answer_from_the_bucket_lets_nobody_guess(api, user, s3_faults):
    limits.record_failure(limits.of(user.login, "198.51.100.1", known=False))
    s3_faults.before("GET", lambda: None)
    s3_faults.answer("GET", 403, code="AccessDenied")
    assert user.sign_in().status_code == 503


def test_objects_name_neither_login_nor_address(user):
    keys = [key for key, _ in limits.of(user.login, HOME, known=False)]
    assert not any(user.login in key or HOME in key for key in keys)
    assert store.LOGINS not in "".join(keys)
