"""The account store under the faults of S3."""

import json
from dataclasses import replace

import pytest

from accounts import store
from accounts.store import Account
from core import aws
from fake_aws import BUCKET, objects


@pytest.fixture
def key(request):
    return store.account_key(request.node.name)


@pytest.fixture
def stored(key):
    account = Account("hash")
    store.create(key, account)
    return account


def bump(account: Account) -> Account:
    return replace(account, token_version=account.token_version + 1)


def test_key_depends_on_pepper_only(settings_with):
    key = store.account_key("login")
    assert len(key) == 64 and key == store.account_key("login")
    with settings_with(login_pepper=b"x" * 32):
        assert store.account_key("login") != key


def test_missing(key):
    with pytest.raises(store.AccountMissing):
        store.read(key)
    with pytest.raises(store.AccountMissing):
        store.change(key, bump)


def test_second_create_is_refused(key, stored):
    with pytest.raises(store.AccountExists):
        store.create(key, Account("another hash"))
    assert store.read(key) == stored


def test_create_retries_while_another_write_runs(key, s3_faults):
    s3_faults.answer("PUT", 409, times=2)
    store.create(key, Account("hash"))
    assert s3_faults.seen == ["PUT"] * 3


def test_create_recognises_its_own_write(key, s3_faults):
    s3_faults.lose_reply("PUT")
    store.create(key, Account("hash"))
    assert s3_faults.seen == ["PUT", "PUT", "GET"]


def test_change_recognises_its_own_write(key, stored, s3_faults):
    s3_faults.lose_reply("PUT")
    assert store.change(key, bump).token_version == 2
    assert store.read(key).token_version == 2


def test_change_applies_to_what_came_first(key, stored, s3_faults):
    def meanwhile():
        store.change(key, lambda account: replace(account, password_hash="new hash"))

    s3_faults.before("PUT", meanwhile)
    store.change(key, bump)
    account = store.read(key)
    assert (account.password_hash, account.token_version) == ("new hash", 2)


def test_change_that_changes_nothing_writes_nothing(key, stored, s3_faults):
    assert store.change(key, lambda account: account) == stored
    assert s3_faults.seen == ["GET"]


def test_change_of_an_account_deleted_meanwhile(key, stored, s3_faults):
    s3_faults.answer("PUT", 404)
    with pytest.raises(store.AccountMissing):
        store.change(key, bump)


def test_endless_conflict_gives_up(key, stored, s3_faults, monkeypatch):
    monkeypatch.setattr(store, "BACKOFF_SECONDS", 0)
    s3_faults.answer("PUT", 409, times=store.ATTEMPTS)
    with pytest.raises(store.StoreUnavailable):
        store.change(key, bump)


@pytest.mark.parametrize("status", [500, 503])
def test_one_server_error_is_retried(key, s3_faults, status):
    s3_faults.answer("PUT", status)
    store.create(key, Account("hash"))
    s3_faults.answer("GET", status)
    assert store.read(key).password_hash == "hash"


def test_one_timeout_is_retried(key, stored, s3_faults):
    s3_faults.time_out("GET")
    assert store.read(key) == stored


@pytest.mark.parametrize("fault", ["denied", "error", "timeout"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_lasting_fault_is_unavailability(key, s3_faults, method, fault):
    match fault:
        case "denied":
            s3_faults.answer(method, 403)
        case "error":
            s3_faults.answer(method, 503, times=2)
        case "timeout":
            s3_faults.time_out(method, times=2)
    with pytest.raises(store.StoreUnavailable):
        if method == "GET":
            store.read(key)
        else:
            store.create(key, Account("hash"))


def test_unavailability_is_503(api, s3_faults):
    # Not 401: without an answer from S3, nobody knows whether the account exists.
    s3_faults.answer("GET", 403)
    body = {"login": "some-login", "password": "some password"}
    response = api("POST", "/v1/signin", body)
    assert (response.status_code, response.json["code"]) == (
        503,
        "accounts_unavailable",
    )
    assert response.headers["Retry-After"]


def test_members_of_a_newer_version_are_kept(key, stored):
    newer = json.loads(stored.to_json()) | {"email_hash": "x"}
    aws.s3().put_object(
        Bucket=BUCKET, Key=f"{store.PREFIX}{key}.json", Body=json.dumps(newer).encode()
    )
    store.change(key, bump)
    (body,) = [body for name, body in objects().items() if key in name]
    assert json.loads(body)["email_hash"] == "x"
    assert json.loads(body)["token_version"] == 2


def test_client_is_not_made_without_credentials(monkeypatch):
    aws._client.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("boto3.Session.get_credentials", lambda self: None)
        with pytest.raises(store.StoreUnavailable):
            store.read("key")
    with pytest.raises(store.AccountMissing):
        store.read("key")
