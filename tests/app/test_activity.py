"""The activity log, and how events get into it while something is away."""

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import boto3
import psycopg
import pytest
from django.db import OperationalError, connection

from accounts import store
from activity import journal, refusals, spool
from activity.models import Event
from cluster import OWNER, SERVICE
from conftest import User, eventually, manage
from core import paging
from core.identifiers import first_id_at, time_of, uuid7
from fake_aws import BUCKET, REGION, objects

PATH = "/v1/activity"
HEADERS = {"X-Forwarded-For": "203.0.113.9", "X-Amzn-Trace-Id": "Root=1-2-3;Sampled=1"}


@pytest.fixture(autouse=True)
def own_spool(monkeypatch):
    """A spool that has met no fault, and nothing of other tests in the bucket."""
    spool.drain()
    connection.close()
    fresh = spool.Spool()
    monkeypatch.setattr(spool, "put", fresh.put)
    monkeypatch.setattr(spool, "count", fresh.count)
    return fresh


def spooled() -> list[dict]:
    """The events in the bucket."""
    found = [body for key, body in objects().items() if key.startswith(spool.PREFIX)]
    return [event for body in found for event in json.loads(body)]


def stored(account: str) -> list[str]:
    """The events of an account in the database."""
    events = list(Event.objects.filter(object=account).order_by("id"))
    connection.close()
    return [event.event for event in events]


def event(**members) -> Event:
    identifier = members.pop("id", None) or uuid7()
    return Event(id=identifier, at=time_of(identifier), **{"host": "i-1", **members})


def test_an_event(user, own_spool):
    user.api("POST", "/v1/signin", user.credentials, headers=HEADERS)
    assert own_spool.move()
    (newest, *_) = user("GET", PATH).json["results"]
    assert newest == {
        "id": newest["id"],
        "at": newest["at"],
        "event": "account.signed_in",
        "account": user.key,
        "object": user.key,
        "client": "203.0.113.9",
        "request": "1-2-3",
        "host": "i-0123456789abcdef0",
        "details": {},
    }
    assert time_of(uuid.UUID(newest["id"])) == datetime.fromisoformat(newest["at"])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(newest["at"])) < timedelta(minutes=5)


def test_what_accounts_do(api, user, admin, own_spool):
    wrong = {**user.credentials, "password": "something else altogether"}
    api("POST", "/v1/signin", wrong)
    api("POST", "/v1/signin", {**wrong, "login": "nobody-of-that-name"})
    user("PUT", "/v1/account/password", {"password": wrong["password"], "new_password": "x" * 20})
    renewed = {"password": user.password, "new_password": "quite another password"}
    user.tokens = user("PUT", "/v1/account/password", renewed).json
    user.password = renewed["new_password"]
    for action in ("signout", "lock", "unlock"):
        assert admin("POST", f"/v1/accounts/{user.key}/{action}").status_code == 200
    user.tokens = user.sign_in().json
    refresh = {"refresh": user.tokens["refresh"]}
    second = api("POST", "/v1/token/refresh", refresh).json
    api("POST", "/v1/token/refresh", {"refresh": second["refresh"]})
    assert api("POST", "/v1/token/refresh", refresh).status_code == 401
    task = user("POST", "/v1/tasks", {"title": "one"}).json["id"]
    user("PATCH", f"/v1/tasks/{task}", {"done": True})
    user("DELETE", f"/v1/tasks/{task}")
    assert user("POST", "/v1/account/delete", {"password": user.password}).status_code == 204
    assert own_spool.move()
    rows = admin("GET", f"{PATH}?everyone=true&object={user.key}").json["results"]
    assert [(row["event"], row["account"]) for row in rows[::-1]] == [
        ("account.signed_up", user.key),
        ("account.signed_in", user.key),
        ("account.sign_in_refused", ""),
        ("account.password_refused", user.key),
        ("account.password_changed", user.key),
        ("account.sessions_ended", admin.key),
        ("account.locked", admin.key),
        ("account.unlocked", admin.key),
        ("account.signed_in", user.key),
        ("account.token_reused", user.key),
        ("account.deleted", user.key),
    ]
    assert rows[-3]["details"] == {"reason": "invalid_credentials"}
    tasks = admin("GET", f"{PATH}?account={user.key}&object={task}").json["results"]
    assert [(row["event"], row["details"]) for row in tasks] == [
        ("task.deleted", {"version": 2}),
        ("task.changed", {"version": 2}),
        ("task.created", {"version": 1}),
    ]
    refused = admin("GET", f"{PATH}?everyone=true&event=account.sign_in_refused&limit=1").json
    assert (refused["results"][0]["account"], refused["results"][0]["object"]) == ("", "")
    # No row names a login: the account is gone, and what is kept of it names nobody.
    assert user.login not in json.dumps(rows + tasks)


def test_a_sign_up_that_is_told_again_is_one_event(user, own_spool, s3_faults):
    # The account is there, but both replies were lost: whoever asked was told to try again.
    s3_faults.before("PUT", lambda: None)
    s3_faults.lose_reply("PUT", times=2)
    credentials = {**user.credentials, "login": f"unheard-{user.key}"}
    assert user.api("POST", "/v1/signup", credentials).status_code == 503
    again = [user.api("POST", "/v1/signup", credentials) for _ in range(2)]
    (key,) = {response.json["id"] for response in again if response.status_code == 201}
    assert own_spool.move()
    assert stored(key) == ["account.signed_up"]
    (event,) = Event.objects.filter(object=key)
    connection.close()
    assert event.at.isoformat(timespec="milliseconds") == store.read_by_id(key).created_at


def test_a_deletion_that_is_told_again_is_one_event(user, own_spool):
    # Whatever password: there is no account that it could be compared with.
    for password in (user.password, user.password, "something else altogether"):
        assert user("POST", "/v1/account/delete", {"password": password}).status_code == 204
    assert own_spool.move()
    assert stored(user.key) == ["account.signed_up", "account.signed_in", "account.deleted"]


def test_guessing_by_signing_up_is_noted(api, user, own_spool, no_time_passes):
    wrong = {**user.credentials, "password": "something else altogether"}
    statuses = {api("POST", "/v1/signup", wrong).status_code for _ in range(11)}
    assert statuses == {409, 429}
    assert own_spool.move()
    assert [one["details"] for one in refused(user.key)] == [
        {"reason": "invalid_credentials", "times": 10}
    ]


def refused(target: str) -> list[dict]:
    """The refused sign-ins of an account that have been stored, the oldest first."""
    events = Event.objects.filter(event="account.sign_in_refused", object=target).order_by("id")
    found = list(events.values("client", "details"))
    connection.close()
    return found


def test_refusals_that_are_alike_are_one_event_and_no_request_to_the_bucket(
    api, user, own_spool, s3_faults, monkeypatch, caplog, no_time_passes
):
    monkeypatch.setattr(refusals, "INTERVAL_SECONDS", 3600)
    assert own_spool.move()
    s3_faults.seen.clear()
    wrong = {**user.credentials, "password": "something else altogether"}

    def guess(client: str, times: int) -> None:
        for _ in range(times):
            api("POST", "/v1/signin", wrong, headers={"X-Forwarded-For": client})

    with caplog.at_level("INFO"):
        guess("192.0.2.1", 3)
        guess("192.0.2.2", 9)
    assert not [request for request in s3_faults.seen if request.startswith("activity")]
    # The host's log has each of them.
    assert [r.message for r in caplog.records].count("account.sign_in_refused") == 12
    assert own_spool.move()
    assert refused(user.key) == [
        {"client": "192.0.2.1", "details": {"reason": "invalid_credentials", "times": 3}},
        {"client": "192.0.2.2", "details": {"reason": "invalid_credentials", "times": 7}},
    ]
    (limited,) = [one for one in refused("") if one["client"] == "192.0.2.2"]
    assert limited["details"] == {"reason": "too_many_failures", "times": 2}
    # The next ones wait for the end of the interval, or of the process.
    guess("192.0.2.1", 1)
    assert own_spool.move() and own_spool.refusals
    own_spool.stop()
    assert len([one for one in refused("") if one["client"] == "192.0.2.1"]) == 1


def test_refusals_go_by_the_bucket_while_the_database_is_away(api, user, own_spool, monkeypatch):
    def away(events):
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "insert", away)
        api("POST", "/v1/signin", {**user.credentials, "password": "something else altogether"})
        assert not own_spool.move()
    assert "account.sign_in_refused" in [one["event"] for one in spooled()]
    assert own_spool.move()
    assert [one["details"] for one in refused(user.key)] == [{"reason": "invalid_credentials"}]


def test_kinds_of_refusals_are_bounded_and_all_of_them_counted(monkeypatch):
    monkeypatch.setattr(refusals, "MAX_KINDS", 2)
    counted = refusals.Refusals()
    for number in range(4):
        for again in (False, True):
            one = event(event="e", client=f"192.0.2.{number}", details={"reason": "wrong"})
            assert (counted.add(one) is not one) == (again or number > 2)
    taken = [(one.client, one.details.get("times")) for one in counted.take()]
    assert taken == [("192.0.2.0", 2), ("192.0.2.1", 2), ("", 4)]
    assert not counted


def test_a_resized_fleet(admin, group, own_spool):
    assert admin("PUT", "/v1/fleet", {"desired": 3}).status_code == 200
    assert own_spool.move()
    (newest, *_) = admin("GET", f"{PATH}?event=fleet.resized").json["results"]
    assert (newest["object"], newest["details"]) == ("web", {"from": 2, "to": 3})


def test_everyone_sees_their_own(user, other, own_spool):
    assert own_spool.move()
    for one in (user, other):
        rows = one("GET", PATH).json["results"]
        assert {row["account"] for row in rows} == {one.key}
        assert [row["event"] for row in rows] == ["account.signed_in", "account.signed_up"]


def test_those_of_others_are_for_administrators(api, user, other):
    for query in ("everyone=true", f"account={other.key}", f"account={user.key}"):
        response = user("GET", f"{PATH}?{query}")
        assert (response.status_code, response.json["code"]) == (403, "not_administrator")
        assert api("GET", f"{PATH}?{query}").status_code == 401
    assert api("GET", PATH).status_code == 401
    assert user("GET", f"{PATH}?everyone=false").status_code == 200


def test_an_account_is_a_filter_among_everybody_too(admin, user, other, own_spool):
    assert own_spool.move()
    rows = admin("GET", f"{PATH}?everyone=true&account={other.key}").json["results"]
    assert {row["account"] for row in rows} == {other.key}


def test_filters_and_pages(admin):
    account = uuid.uuid4().hex
    start = datetime.now(UTC).replace(microsecond=0)
    ids = [
        uuid.UUID(int=first_id_at(start + timedelta(milliseconds=number)).int | 0x7 << 76 | number)
        for number in range(7)
    ]
    Event.objects.bulk_create(
        event(
            id=identifier,
            event="task.created" if number % 2 else "task.deleted",
            account=account,
            object=f"task {number % 3}",
        )
        for number, identifier in enumerate(ids)
    )
    connection.close()

    def found(**query) -> list[int]:
        numbers, cursor = [], ""
        while cursor is not None:
            page = admin(
                "GET", f"{PATH}?{urlencode({'account': account, **query, 'cursor': cursor})}"
            )
            assert page.status_code == 200, page.text
            numbers += [ids.index(uuid.UUID(row["id"])) for row in page.json["results"]]
            cursor = page.json["next_cursor"]
        return numbers

    def at(milliseconds: float) -> str:
        return (start + timedelta(milliseconds=milliseconds)).isoformat()

    assert found() == [6, 5, 4, 3, 2, 1, 0]
    assert found(limit=3) == found(limit=7) == [6, 5, 4, 3, 2, 1, 0]
    assert found(event="task.created", limit=1) == [5, 3, 1]
    assert found(object="task 1") == [4, 1]
    assert found(since=at(2), until=at(5)) == [4, 3, 2]
    assert found(since=at(1.5)) == [6, 5, 4, 3, 2]
    assert found(until=at(1.5)) == [1, 0]
    assert found(since="2000-01-01T00:00:00Z", until="9999-12-31T23:59:59.999999Z") == found()
    assert found(since="0001-01-01T00:00:00Z") == found()
    # A time of another zone.
    there = start.replace(tzinfo=UTC) + timedelta(hours=2)
    assert found(since=there.isoformat().replace("+00:00", "+02:00"), limit=4) == found()


@pytest.mark.parametrize(
    "query", ["dnoe=1", "event=task", "since=yesterday", "until=", "limit=0", "limit=101", "cursor=x", "everyone=1",
              "object=%00", "since=2026-02-30T00:00:00Z"],
)  # fmt: skip
def test_bad_parameters(user, query):
    response = user("GET", f"{PATH}?{query}")
    assert (response.status_code, response.json["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json["errors"]] == [query.partition("=")[0]]


def test_a_cursor_belongs_to_its_filter(user):
    for key in ("x", str(uuid7())):
        cursor = paging.cursor_of({"event": "task.created", "everyone": False}, key)
        response = user("GET", f"{PATH}?event=task.created&cursor={cursor}")
        assert response.status_code == (400 if key == "x" else 200)
        assert user("GET", f"{PATH}?event=task.deleted&cursor={cursor}").status_code == 400


@pytest.mark.parametrize("column", ["account", "object", "event"])
def test_a_page_is_one_range_of_an_index(cluster, column):
    events = Event.objects.filter(**{column: "x"}, id__lt=uuid7())
    sql, parameters = events.order_by("-id")[:51].query.sql_with_params()
    with cluster.connect(OWNER, "service") as owner, owner.transaction(force_rollback=True):
        # In a table of few rows any index would do.
        owner.execute("ALTER TABLE activity_event DROP CONSTRAINT activity_event_pkey")
        for kind in ("seqscan", "bitmapscan", "sort"):
            owner.execute(f"SET LOCAL enable_{kind} = off")
        plan = "\n".join(row[0] for row in owner.execute(f"EXPLAIN {sql}", parameters))
    assert f"activity_{column}_newest" in plan and "Sort" not in plan and "Filter" not in plan


# What the database refuses.


@pytest.fixture
def row(user, own_spool):
    assert own_spool.move()
    return user.key


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE activity_event SET account = ''",
        "DELETE FROM activity_event",
        "TRUNCATE activity_event",
        "DROP TABLE activity_event",
        "ALTER TABLE activity_event ADD COLUMN more int",
        "CREATE TRIGGER t BEFORE INSERT ON activity_event EXECUTE FUNCTION activity_prune()",
        (
            "INSERT INTO activity_event SELECT * FROM activity_event "
            "ON CONFLICT (id) DO UPDATE SET account = ''"
        ),
        "SELECT * FROM activity_event FOR UPDATE",
        "UPDATE activity_retention SET days = 1",
        "DELETE FROM activity_retention",
        "INSERT INTO activity_retention (days) VALUES (1)",
        "CREATE OR REPLACE FUNCTION activity_prune() RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
        "ALTER FUNCTION activity_prune() SECURITY INVOKER",
    ],
)
def test_the_service_can_only_add_and_read(cluster, row, statement):
    with (
        cluster.connect(SERVICE, "service") as service,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        service.execute(statement)
    assert stored(row) == ["account.signed_up", "account.signed_in"]


def test_pruning(cluster, user, own_spool):
    kept = str(uuid.uuid4())
    now = datetime.now(UTC)
    Event.objects.bulk_create(
        event(id=first_id_at(now - timedelta(days=days, minutes=minutes)), event="e", object=kept)
        for days, minutes in ((0, 0), (30, -5), (30, 5), (364, 0), (366, 0))
    )
    connection.close()

    def ages() -> list[int]:
        events = list(Event.objects.filter(object=kept).order_by("-id"))
        connection.close()
        return [round((now - event.at) / timedelta(days=1)) for event in events]

    spool.prune()
    assert ages() == [0, 30, 30, 364]
    with cluster.connect(OWNER, "service") as owner:
        owner.execute("UPDATE activity_retention SET days = 30")
        try:
            spool.prune()
            connection.close()
            assert ages() == [0, 30]
        finally:
            owner.execute("UPDATE activity_retention SET days = 365")
    spool.prune()
    connection.close()


def test_pruners_do_not_wait_for_each_other(cluster):
    old = [first_id_at(datetime.now(UTC) - timedelta(days=400, minutes=n)) for n in range(10)]
    Event.objects.bulk_create(event(id=identifier, event="e", object="old") for identifier in old)
    connection.close()
    with cluster.connect(OWNER, "service") as other, other.transaction():
        other.execute("SELECT activity_prune()")
        # What the other has deleted, but not yet told, is left to it.
        spool.prune()
        connection.close()
    assert stored("old") == []


def test_retention(pytestconfig, cluster):
    as_owner = {"CREDENTIALS_DIRECTORY": str(pytestconfig.owner)}
    try:
        result = manage("retain_activity", "7", environ=as_owner)
        assert "7 days" in result.stdout
        with cluster.connect(SERVICE, "service") as service:
            assert service.execute("SELECT days FROM activity_retention").fetchall() == [(7,)]
    finally:
        manage("retain_activity", "365", environ=as_owner)
    refused = manage("retain_activity", "7", check=False)
    assert (refused.returncode, "owner" in refused.stderr) == (1, True)
    none = manage("retain_activity", "0", environ=as_owner, check=False)
    assert (none.returncode, "at least 1" in none.stderr) == (1, True)


# What happens while something is away.


def test_the_database_away(api, user, database_away, own_spool, caplog):
    with caplog.at_level("INFO"):
        assert user.sign_in().status_code == 200
        stranger = User(api)
    for key in (user.key, stranger.key):
        assert any(
            (r.message, r.fields["account"]) == ("account.signed_in", key) for r in caplog.records
            if r.name == "activity"
        )  # fmt: skip
    assert not own_spool.move()
    assert not own_spool.bucket_away
    events = [(one["event"], one["account"]) for one in spooled()]
    assert events.count(("account.signed_up", stranger.key)) == 1
    assert events.count(("account.signed_in", user.key)) == 2
    response = user("GET", PATH)
    assert (response.status_code, response.json["code"]) == (503, "database_unavailable")


def test_what_was_caught_up(user, own_spool, cluster, monkeypatch):
    insert = spool.insert
    monkeypatch.setattr(spool, "insert", lambda events: away())

    def away():
        from django.db import OperationalError

        raise OperationalError("away")

    assert not own_spool.move()
    assert stored(user.key) == []
    monkeypatch.setattr(spool, "insert", insert)
    assert own_spool.move()
    assert stored(user.key) == ["account.signed_up", "account.signed_in"]
    assert spooled() == []


def test_the_bucket_away_in_the_middle(user, own_spool, s3_faults):
    assert own_spool.move()
    s3_faults.answer("activity PUT", 503, times=2)
    assert user.sign_in().status_code == 200
    # Nobody else waits for it.
    s3_faults.seen.clear()
    assert user.sign_in().status_code == 200
    assert "activity PUT" not in s3_faults.seen
    assert [one.event for one in own_spool.waiting] == ["account.signed_in"] * 2
    s3_faults.answer("activity GET", 503, times=2)
    assert not own_spool.move()
    # The database has taken what was in memory.
    assert stored(user.key) == ["account.signed_up", *["account.signed_in"] * 3]
    assert own_spool.bucket_away and not own_spool.waiting
    assert own_spool.move()
    assert not own_spool.bucket_away


def test_the_bucket_away_and_then_the_database(user, own_spool, s3_faults, monkeypatch):
    def away(events):
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(spool, "insert", away)
        s3_faults.answer("activity PUT", 503, times=4)
        assert user.sign_in().status_code == 200
        assert not own_spool.move()
        assert own_spool.bucket_away and len(own_spool.waiting) == 1
        # The bucket comes back first.
        assert not own_spool.move()
        assert not own_spool.bucket_away and not own_spool.waiting
    assert own_spool.move()
    assert stored(user.key) == ["account.signed_up", *["account.signed_in"] * 2]


def test_the_thread_finds_the_bucket_away_first(user, own_spool, s3_faults):
    s3_faults.answer("activity GET", 503, times=2)
    assert not own_spool.move()
    s3_faults.seen.clear()
    assert user.sign_in().status_code == 200
    assert "activity PUT" not in s3_faults.seen


def test_what_is_in_memory_is_stored_before_the_end(user, own_spool):
    assert own_spool.move()
    own_spool.bucket_away = True
    assert user.sign_in().status_code == 200
    own_spool.stop()
    assert len(stored(user.key)) == 3


def test_memory_is_bounded(user, own_spool, monkeypatch, caplog):
    monkeypatch.setattr(spool, "MAX_WAITING", 1)
    own_spool.bucket_away = True
    for _ in range(2):
        assert user.sign_in().status_code == 200
    assert len(own_spool.waiting) == 1
    assert "is in the log only" in caplog.text


def test_a_lost_reply_stores_nothing_twice(user, own_spool, s3_faults):
    # Both attempts of the client arrive; neither is answered.
    s3_faults.lose_reply("activity PUT", times=2)
    assert user.sign_in().status_code == 200
    assert len(own_spool.waiting) == 1
    assert own_spool.move()
    assert stored(user.key) == ["account.signed_up", *["account.signed_in"] * 2]
    assert spooled() == []


def test_an_end_between_commit_and_deletion(user, own_spool, s3_faults):
    s3_faults.answer("activity POST", 500, times=2)
    assert not own_spool.move()
    once = ["account.signed_up", "account.signed_in"]
    assert stored(user.key) == once
    assert len(spooled()) == 2
    assert own_spool.move()
    assert stored(user.key) == once
    assert spooled() == []


def test_an_end_before_the_commit(user, own_spool, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(events):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(spool, "insert", killed)
        with pytest.raises(Killed):
            spool.drain()
    assert len(spooled()) == 2
    spool.drain()
    assert stored(user.key) == ["account.signed_up", "account.signed_in"]


def test_workers_that_move_at_once(monkeypatch):
    monkeypatch.setattr(spool, "BATCH", 7)
    account = uuid.uuid4().hex
    for _ in range(40):
        spool.write([event(event="task.created", object=account) for _ in range(2)])
    start = threading.Barrier(4)

    def work(_):
        start.wait()
        try:
            spool.drain()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    assert len(stored(account)) == 80
    assert spooled() == []


def test_what_cannot_be_read_is_left_and_holds_up_nothing(user, own_spool, monkeypatch, caplog):
    monkeypatch.setattr(spool, "BATCH", 1)
    client = boto3.client("s3", region_name=REGION)
    strange = [b"{", b"[{}]", b'[{"id": "x", "at": 1}]', b"[5]", b'[{"more": true}]']
    keys = [f"{spool.PREFIX}0{number}.json" for number in range(len(strange))]
    for key, body in zip(keys, strange, strict=True):
        client.put_object(Bucket=BUCKET, Key=key, Body=body)
    try:
        assert own_spool.move()
        assert stored(user.key) == ["account.signed_up", "account.signed_in"]
        assert [key for key in objects() if key.startswith(spool.PREFIX)] == keys
        assert all(key in caplog.text for key in keys)
    finally:
        for key in keys:
            client.delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize(
    "unfit",
    [{"object": "\0"}, {"client": "x" * 65}, {"details": {"a": "\0"}}, {"request": None},
     {"account": "\ud800"}],
    ids=["NUL", "too long", "NUL in JSON", "nothing", "surrogate"],
)  # fmt: skip
@pytest.mark.parametrize("remembered", [False, True], ids=["in the bucket", "in memory"])
def test_what_the_database_refuses_is_set_aside_and_holds_up_nothing(
    user, own_spool, s3_faults, caplog, unfit, remembered
):
    strange = event(**{"event": "e", "object": "strange", **unfit})
    fit = event(event="e", object=user.key)
    if remembered:
        own_spool.waiting += [strange, fit]
    else:
        spool.write([strange, fit])
    client = boto3.client("s3", region_name=REGION)
    try:
        assert own_spool.move()
        assert stored(user.key) == ["account.signed_up", "account.signed_in", "e"]
        assert str(strange.id) in caplog.text
        (key,) = [key for key in objects() if key.startswith(spool.PREFIX)]
        assert key.startswith(spool.SET_ASIDE)
        assert [one["id"] for one in json.loads(objects()[key])] == [str(strange.id)]
        # It is not tried again, but told of again.
        s3_faults.seen.clear()
        assert own_spool.move()
        assert s3_faults.seen == ["activity GET"]
        spool.keep_house()
        assert "1 objects are set aside" in caplog.text
    finally:
        for key in objects():
            if key.startswith(spool.PREFIX):
                client.delete_object(Bucket=BUCKET, Key=key)
        connection.close()


def test_what_is_set_aside_is_kept_before_it_goes(user, own_spool, s3_faults):
    spool.write([event(event="e", object="\0")])
    s3_faults.answer("activity PUT", 500, times=2)
    assert not own_spool.move()
    assert "\0" in [one["object"] for one in spooled()]
    assert own_spool.move()
    (key,) = [key for key in objects() if key.startswith(spool.PREFIX)]
    boto3.client("s3", region_name=REGION).delete_object(Bucket=BUCKET, Key=key)


def test_nothing_is_left_in_a_bucket_with_versions(settings_with):
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket="versioned")
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    account = uuid.uuid4().hex
    with settings_with(account_bucket="versioned"):
        spool.write([event(event="task.created", object=account)])
        spool.drain()
    assert stored(account) == ["task.created"]
    left = client.list_object_versions(Bucket="versioned")
    assert left.get("Versions", []) == left.get("DeleteMarkers", []) == []


# What is in memory of a worker that is killed.


@pytest.fixture
def worker(tmp_path, settings_with):
    """Makes workers of one host, whose threads do not run."""

    def make() -> spool.Spool:
        one = spool.Spool()
        one.journal = journal.Journal(tmp_path)
        one.bucket_away = True
        return one

    with settings_with(runtime_directory=str(tmp_path)):
        yield make


def kill(one: spool.Spool) -> None:
    """Its lock ends with it."""
    one.journal.leave()


def refusal(target: str) -> Event:
    return event(event="account.sign_in_refused", object=target, details={"reason": "wrong"})


def test_another_worker_stores_what_a_killed_one_had(worker, tmp_path, caplog):
    killed, other = worker(), worker()
    (first, second), waiting = (uuid.uuid4().hex for _ in range(2)), uuid.uuid4().hex
    for target in (first, second, first, first):
        killed.count(refusal(target))
    killed.put(event(event="account.signed_in", object=waiting))
    # It lives: what it has is its own.
    assert other.move()
    assert stored(first) == stored(waiting) == []
    kill(killed)
    assert other.move()
    assert stored(waiting) == ["account.signed_in"]
    assert [refused(one)[0]["details"].get("times") for one in (first, second)] == [3, None]
    assert "3 events of a worker that has ended" in caplog.text
    # Nothing is left but the other's own file, which is empty.
    assert [file.stat().st_size for file in tmp_path.iterdir()] == [0]


def test_a_journal_has_what_is_not_stored_yet(worker, monkeypatch):
    killed, other, target = worker(), worker(), uuid.uuid4().hex
    insert = spool.insert

    def insert_while_guessed(events):
        killed.count(refusal(target))
        insert(events)

    killed.count(refusal(target))
    with monkeypatch.context() as patch:
        patch.setattr(spool, "insert", insert_while_guessed)
        assert killed.move()
    killed.count(refusal(target))
    assert [one["details"] for one in refused(target)] == [{"reason": "wrong"}]
    kill(killed)
    assert other.move()
    # Of the same millisecond, either may be the first.
    assert sorted(one["details"].get("times", 1) for one in refused(target)) == [1, 2]


def test_what_was_stored_before_the_end_is_stored_once(worker, monkeypatch):
    killed, other, target = worker(), worker(), uuid.uuid4().hex
    for _ in range(2):
        killed.count(refusal(target))
    with monkeypatch.context() as patch:
        # Killed between the one and the other.
        patch.setattr(killed.journal, "replace", lambda events: None)
        assert killed.move()
    kill(killed)
    assert other.move()
    assert [one["details"].get("times") for one in refused(target)] == [2]


def test_a_journal_that_is_replaced_while_it_is_looked_at_is_left(worker, monkeypatch):
    owner, other, target = worker(), worker(), uuid.uuid4().hex
    owner.count(refusal(target))
    flock = journal.fcntl.flock

    def replaced_before(file, operation):
        # What is looked at is a file; its own the worker has as a number.
        if not isinstance(file, int):
            owner.journal.replace(owner.refusals)
        flock(file, operation)

    with monkeypatch.context() as patch:
        patch.setattr(journal.fcntl, "flock", replaced_before)
        assert other.move()
    assert refused(target) == []
    assert owner.move()
    assert len(refused(target)) == 1


def test_a_killed_worker_may_have_been_writing(worker, tmp_path, caplog):
    killed, other, target = worker(), worker(), uuid.uuid4().hex
    killed.count(refusal(target))
    killed.count(refusal(target))
    kill(killed)
    (path,) = [file for file in tmp_path.iterdir() if file.stat().st_size]
    content = path.read_bytes()
    path.write_bytes(b"5\n" + content[:-2])
    (tmp_path / f".{path.name}").write_bytes(b"a draft")
    assert other.move()
    assert [one["details"].get("times") for one in refused(target)] == [None]
    assert "cannot be read: b'5" in caplog.text
    assert len(list(tmp_path.iterdir())) == 1


def test_a_journal_is_bounded(worker, monkeypatch, tmp_path):
    monkeypatch.setattr(journal, "MAX_BYTES", 1000)
    own = worker()
    for number in range(100):
        own.count(refusal(f"somebody-{number % 3}"))
    assert 1000 <= sum(file.stat().st_size for file in tmp_path.iterdir()) < 2000
    assert sum(one.details.get("times", 1) for one in own.refusals) == 100


def test_a_full_disk_keeps_nobody_from_an_answer(worker, monkeypatch, caplog):
    own, target = worker(), uuid.uuid4().hex

    def full(descriptor, content):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "write", full)
        own.count(refusal(target))
        own.put(event(event="account.signed_in", object=target))
        assert own.move()
    assert sorted(stored(target)) == ["account.sign_in_refused", "account.signed_in"]
    assert "the journal takes nothing" in caplog.text


def test_a_worker_that_ends_leaves_nothing_or_all(worker, tmp_path, monkeypatch):
    def away(events):
        raise OperationalError("away")

    in_time, target = worker(), uuid.uuid4().hex
    in_time.count(refusal(target))
    in_time.stop()
    assert list(tmp_path.iterdir()) == []
    too_late = worker()
    too_late.count(refusal(target))
    with monkeypatch.context() as patch:
        patch.setattr(spool, "insert", away)
        patch.setattr(spool, "write", away)
        too_late.stop()
    next_one = worker()
    assert next_one.move()
    assert len(refused(target)) == 2


def test_a_worker_without_a_place_for_its_journal_works(settings_with, own_spool, user, caplog):
    with settings_with(runtime_directory="/nowhere"):
        own_spool.start()
        own_spool.stop()
    assert "there is no journal" in caplog.text
    assert stored(user.key) == ["account.signed_up", "account.signed_in"]


def test_a_worker_stores_refusals_when_their_interval_ends(api, user, own_spool, monkeypatch):
    monkeypatch.setattr(refusals, "INTERVAL_SECONDS", 1.0)
    wrong = {**user.credentials, "password": "something else altogether"}
    own_spool.start()
    try:
        for expected in (1, 2):
            api("POST", "/v1/signin", wrong)
            eventually(
                lambda expected=expected: (
                    sum(one["details"].get("times", 1) for one in refused(user.key)) == expected
                )
            )
    finally:
        own_spool.stop()


def test_a_worker(user, own_spool, monkeypatch):
    own_spool.start()
    try:
        eventually(lambda: stored(user.key) == ["account.signed_up", "account.signed_in"])
        assert user.sign_in().status_code == 200
        eventually(lambda: len(stored(user.key)) == 3)
        monkeypatch.setattr(spool, "drain", lambda: 1 / 0)
        assert user.sign_in().status_code == 200
        eventually(lambda: not own_spool.wake.is_set())
    finally:
        own_spool.stop()
    assert not own_spool.thread.is_alive()


def test_a_worker_keeps_house_at_its_start_and_every_hour(own_spool, monkeypatch):
    now, kept = [1000.0], []

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(spool, "time", Clock)
    monkeypatch.setattr(spool, "keep_house", lambda: kept.append(now[0]))
    looked = threading.Event()
    monkeypatch.setattr(spool, "drain", looked.set)

    def look() -> None:
        looked.clear()
        own_spool.wake.set()
        assert looked.wait(30)

    own_spool.start()
    try:
        look()
        eventually(lambda: kept == [1000.0])
        for passed in (spool.HOUSEKEEPING_SECONDS - 1, spool.HOUSEKEEPING_SECONDS):
            now[0] = 1000.0 + passed
            look()
        eventually(lambda: kept == [1000.0, 1000.0 + spool.HOUSEKEEPING_SECONDS])
        # It is not due while something is away.
        now[0] += 2 * spool.HOUSEKEEPING_SECONDS
        monkeypatch.setattr(own_spool, "move", lambda: looked.set() or False)
        look()
    finally:
        own_spool.stop()
    assert len(kept) == 2
    # A sweep comes often enough for the hour to be kept.
    assert spool.SWEEP_SECONDS * 10 < spool.HOUSEKEEPING_SECONDS <= 3600
