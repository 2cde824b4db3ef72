"""The account store under the faults of S3."""

import json
import uuid
from dataclasses import replace

import pytest

from accounts import objects, store
from accounts.store import Account
from core import aws
from fake_aws import BUCKET


@pytest.fixture
def login():
    return f"store-{uuid.uuid4().hex}"


@pytest.fixture
def stored(login):
    account = Account("hash")
    store.create(login, account)
    return account


def bump(account: Account) -> Account:
    return replace(account, token_version=account.token_version + 1)


def test_missing(login):
    with pytest.raises(store.AccountMissing):
        store.read(login)
    with pytest.raises(store.AccountMissing):
        store.change(login, bump)
    with pytest.raises(store.AccountMissing):
        store.read_by_id("nobody")


def test_an_account_is_found_by_login_and_by_id(login, stored):
    assert store.read(login) == store.read_by_id(stored.id) == stored
    assert store.login_of(stored.id) == login
    assert len(stored.id) == 32 and stored.id not in login


def test_second_create_is_refused(login, stored):
    with pytest.raises(store.AccountExists):
        store.create(login, Account("another hash"))
    assert store.read(login) == stored


@pytest.mark.parametrize("status", [409, 412])
def test_create_retries_while_another_write_runs(login, s3_faults, status):
    s3_faults.answer("PUT", status, times=2)
    store.create(login, Account("hash"))
    assert store.read(login).password_hash == "hash"


def test_create_recognises_its_own_write(login, s3_faults):
    for lost in range(2):
        # First that of the id, then that of the account.
        for _ in range(lost):
            s3_faults.before("PUT", lambda: None)
        s3_faults.lose_reply("PUT")
        create_and_read(f"{login}-{lost}")


def create_and_read(login):
    account = Account("hash")
    store.create(login, account)
    assert store.read(login) == account


def test_change_recognises_its_own_write(login, stored, s3_faults):
    s3_faults.lose_reply("PUT")
    assert store.change(login, bump).token_version == 2
    assert store.read(login).token_version == 2


def test_change_applies_to_what_came_first(login, stored, s3_faults):
    def meanwhile():
        store.change(login, lambda account: replace(account, password_hash="new hash"))

    s3_faults.before("PUT", meanwhile)
    store.change(login, bump)
    account = store.read(login)
    assert (account.password_hash, account.token_version) == ("new hash", 2)


def test_change_that_changes_nothing_writes_nothing(login, stored, s3_faults):
    assert store.change(login, lambda account: account) == stored
    assert s3_faults.seen == ["GET"]


def test_change_of_an_account_whose_object_vanished(login, stored, s3_faults):
    def vanish():
        aws.s3().delete_object(Bucket=BUCKET, Key=store._key(login))

    s3_faults.before("PUT", vanish)
    with pytest.raises(store.AccountMissing):
        store.change(login, bump)


def test_endless_conflict_gives_up(login, stored, s3_faults, monkeypatch):
    monkeypatch.setattr(objects, "BACKOFF_SECONDS", 0)
    s3_faults.answer("PUT", 409, times=objects.ATTEMPTS)
    with pytest.raises(store.StoreUnavailable):
        store.change(login, bump)


@pytest.mark.parametrize("status", [500, 503])
def test_one_server_error_is_retried(login, s3_faults, status):
    s3_faults.answer("PUT", status)
    store.create(login, Account("hash"))
    s3_faults.answer("GET", status)
    assert store.read(login).password_hash == "hash"


def test_one_timeout_is_retried(login, stored, s3_faults):
    s3_faults.time_out("GET")
    assert store.read(login) == stored


# A key that is missing is denied to whoever may not list the bucket; a bucket that is missing is 404, too.
LASTING = {
    "denied": (403, 1, "AccessDenied"),
    "no bucket": (404, 1, "NoSuchBucket"),
    "slow down": (503, 2, "SlowDown"),
    "error": (500, 2, "InternalError"),
}


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_lasting_fault_is_unavailability(login, s3_faults, method, fault):
    status, times, code = LASTING[fault]
    s3_faults.answer(method, status, times, code)
    with pytest.raises(store.StoreUnavailable):
        if method == "GET":
            store.read(login)
        else:
            objects.write(store._key(login), {}, IfNoneMatch="*")


def test_lasting_silence_is_unavailability(login, s3_faults):
    s3_faults.time_out("GET", times=2)
    with pytest.raises(store.StoreUnavailable):
        store.read(login)


@pytest.mark.parametrize("fault", LASTING)
def test_unavailability_is_503(api, user, s3_faults, fault):
    # Not 401 and not 409: without an answer from S3, nobody knows whether the account exists.
    requests = [
        ("/v1/signin", user.credentials),
        ("/v1/signup", {**user.credentials, "login": "another-login"}),
        ("/v1/token/refresh", {"refresh": user.tokens["refresh"]}),
    ]
    status, times, code = LASTING[fault]
    for path, body in requests:
        store._login_of.cache_clear()
        s3_faults.answer("GET", status, times, code)
        response = api("POST", path, body)
        assert (response.status_code, response.json["code"]) == (503, "accounts_unavailable")
        assert response.headers["Retry-After"]


def test_a_tombstone_keeps_the_login_for_a_while(login, stored, monkeypatch):
    store.change(login, lambda account: replace(account, role="admin", clients=("somewhere",)))
    store.delete(stored.id)
    for missing in (lambda: store.read(login), lambda: store.read_by_id(stored.id)):
        with pytest.raises(store.AccountMissing):
            missing()
    with pytest.raises(store.AccountExists):
        store.create(login, Account("hash"))
    with pytest.raises(store.AccountMissing):
        store.change(login, bump)
    document, _ = objects.read(store._key(login))
    assert document["password_hash"] == "" and document["sessions"] == {}
    assert document["clients"] == [] and document["role"] == "user"

    monkeypatch.setattr(store, "TOMBSTONE_SECONDS", -1)
    successor = Account("another hash")
    store.create(login, successor)
    assert store.read(login).id == successor.id != stored.id
    with pytest.raises(store.AccountMissing):
        store.read_by_id(stored.id)
    with pytest.raises(store.AccountMissing):
        store.change_by_id(stored.id, bump)


def test_logins_are_listed_in_order_and_by_prefix():
    prefix = f"list-{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}.{end}" for end in ("b", "a", "é", "ж@x", "c+d")]
    for name in names:
        store.create(name, Account("hash"))
    expected = sorted(names)
    assert sorted(store.logins(prefix, "", 10)) == expected
    first = store.logins(prefix, "", 2)
    rest = store.logins(prefix, first[-1], 10)
    assert first + rest == store.logins(prefix, "", 10) and len(rest) == 3


def test_members_of_a_newer_version_are_kept(login, stored):
    newer = stored.to_document() | {"email_hash": "x"}
    aws.s3().put_object(Bucket=BUCKET, Key=store._key(login), Body=json.dumps(newer).encode())
    store.change(login, bump)
    document, _ = objects.read(store._key(login))
    assert (document["email_hash"], document["token_version"]) == ("x", 2)


def test_client_is_not_made_without_credentials(monkeypatch):
    aws._client.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr("boto3.Session.get_credentials", lambda self: None)
        with pytest.raises(store.StoreUnavailable):
            store.read("login")
    with pytest.raises(store.AccountMissing):
        store.read("login")
