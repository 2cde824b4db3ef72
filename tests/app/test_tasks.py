import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activity.models import Event
from cluster import OWNER
from conftest import eventually
from core import paging
from core.identifiers import uuid7
from tasks import changes, lists
from tasks.models import Task

ORDERS = ["created", "-created", "title", "-title"]


def create(user, title="task", **fields):
    response = user("POST", "/v1/tasks", {"title": title, **fields})
    assert response.status_code == 201
    return response.json


def events_of(task: str) -> list[str]:
    """What the activity log says of a task."""
    events = Event.objects.filter(object=task).order_by("id")
    return [event.event for event in events]


def test_create_list_read_change_delete(user):
    task = create(user, "Write tests")
    assert task == {**task, "title": "Write tests", "done": False}
    assert task["created_at"].endswith("Z")
    assert set(task) == {"id", "title", "done", "version", "created_at", "updated_at"}
    assert task["version"] == 1
    path = f"/v1/tasks/{task['id']}"
    assert user("GET", path).json == task
    assert user("GET", "/v1/tasks").json == {"results": [task], "next_cursor": None}

    changed = user("PATCH", path, {"done": True}).json
    assert changed == {**task, "done": True, "version": 2, "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > task["updated_at"]
    assert user("GET", path).json == changed

    assert user("DELETE", path).status_code == 204
    assert user("GET", path).status_code == 404
    assert user("DELETE", path).status_code == 404


def test_tasks_of_others_do_not_exist(user, other):
    task = create(other)
    path = f"/v1/tasks/{task['id']}"
    for method, body in (("GET", None), ("PATCH", {"done": True}), ("DELETE", None)):
        response = user(method, path, body)
        assert (response.status_code, response.json["code"]) == (404, "not_found")
    assert user("GET", "/v1/tasks").json["results"] == []
    assert other("GET", path).json == task


@pytest.mark.parametrize(
    "body",
    [{}, {"title": ""}, {"title": "x" * 201}, {"title": "nul\0"}, {"title": "\ud800"}, {"title": None},
     {"title": "t", "done": "perhaps"}, {"title": "t", "done": "true"}, {"title": 5}, [], "text", None],
)  # fmt: skip
def test_bad_bodies(user, body):
    assert user("POST", "/v1/tasks", body).status_code == 400


def test_client_sets_neither_id_nor_owner(user, other):
    for field in ("id", "owner", "version", "created_at", "dnoe"):
        response = user("POST", "/v1/tasks", {"title": "task", field: "x"})
        assert (response.status_code, response.json["code"]) == (400, "invalid")
        assert [error["field"] for error in response.json["errors"]] == [field]
    assert user("GET", "/v1/tasks").json["results"] == []


def test_a_created_task_tells_where_it_is(user):
    response = user("POST", "/v1/tasks", {"title": "task"})
    assert response.headers["Location"] == f"/v1/tasks/{response.json['id']}"
    assert response.headers["ETag"] == '"1"'
    assert user("GET", response.headers["Location"]).json == response.json


@pytest.mark.parametrize(
    "body", [{}, {"dnoe": True}, {"title": ""}, {"done": None}, {"done": "true"}]
)
def test_bad_patches(user, body):
    task = create(user)
    response = user("PATCH", f"/v1/tasks/{task['id']}", body)
    assert (response.status_code, response.json["code"]) == (400, "invalid")
    assert response.json["errors"][0]["field"] == next(iter(body), "non_field_errors")
    assert user("GET", f"/v1/tasks/{task['id']}").json == task


def test_a_merge_patch(user):
    path = f"/v1/tasks/{create(user)['id']}"
    response = user("PATCH", path, {"done": True}, content_type="application/merge-patch+json")
    assert (response.status_code, response.json["done"]) == (200, True)
    assert response.headers["ETag"] == '"2"'
    assert user("POST", "/v1/tasks", {"title": "x"}, content_type="text/plain").status_code == 415


def test_what_changes_nothing_is_no_change(user):
    task = create(user, "same", done=True)
    path = f"/v1/tasks/{task['id']}"
    assert user("PATCH", path, {"done": True}).json == task
    assert user("PUT", path, {"title": "same", "done": True}).json == task
    assert events_of(task["id"]) == ["task.created"]


def test_a_task_with_an_id_of_ones_own(user):
    path = f"/v1/tasks/{uuid.uuid4()}"
    created = user("PUT", path, {"title": "first", "done": True})
    assert (created.status_code, created.json["version"]) == (201, 1)
    assert (created.headers["Location"], created.headers["ETag"]) == (path, '"1"')
    repeated = user("PUT", path, {"title": "first", "done": True})
    assert (repeated.status_code, repeated.json) == (200, created.json)
    assert "Location" not in repeated.headers
    replaced = user("PUT", path, {"title": "second"})
    assert (replaced.status_code, replaced.headers["ETag"]) == (200, '"2"')
    assert replaced.json == {
        **created.json,
        "title": "second",
        "done": False,
        "version": 2,
        "updated_at": replaced.json["updated_at"],
    }
    assert events_of(created.json["id"]) == ["task.created", "task.changed"]


def test_an_id_of_someone_else(user, other):
    task = create(other)
    path = f"/v1/tasks/{task['id']}"
    body = {"title": "mine"}
    for headers in ({}, {"If-Match": "*"}, {"If-Match": '"1"'}, {"If-None-Match": "*"}):
        for method in ("PUT", "PATCH", "DELETE"):
            status = 412 if method == "PUT" and "If-Match" in headers else 404
            given = None if method == "DELETE" else body
            assert user(method, path, given, headers=headers).status_code == status
    assert other("GET", path).json == task
    assert events_of(task["id"]) == ["task.created"]


def test_only_create(user):
    path = f"/v1/tasks/{uuid.uuid4()}"
    only_new = {"headers": {"If-None-Match": "*"}}
    assert user("PUT", path, {"title": "first"}, **only_new).status_code == 201
    for title in ("first", "second"):
        response = user("PUT", path, {"title": title}, **only_new)
        assert (response.status_code, response.json["code"]) == (412, "precondition_failed")
    assert user("GET", path).json["title"] == "first"
    named = user("PUT", path, {"title": "third"}, headers={"If-None-Match": '"1"'})
    assert (named.status_code, named.json["errors"][0]["field"]) == (400, "If-None-Match")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_if_match(user, method):
    task = create(user)
    path = f"/v1/tasks/{task['id']}"
    body = None if method == "DELETE" else {"title": "changed"}
    for tags in ('"2"', 'W/"1"', '"0", "2"', '"x"', '"99999999999999999999"'):
        response = user(method, path, body, headers={"If-Match": tags})
        assert (response.status_code, response.json["code"]) == (412, "precondition_failed")
    unquoted = user(method, path, body, headers={"If-Match": "1"})
    assert (unquoted.status_code, unquoted.json["errors"][0]["field"]) == (400, "If-Match")
    assert user("GET", path).json == task
    assert user(method, path, body, headers={"If-Match": '"7", "1"'}).status_code < 300
    if method != "DELETE":
        assert user("GET", path).json["version"] == 2
        assert user(method, path, {"title": "again"}, headers={"If-Match": "*"}).status_code == 200


def test_if_match_of_a_task_that_is_not_there(user):
    path = f"/v1/tasks/{uuid.uuid4()}"
    for tags in ("*", '"1"'):
        assert user("PUT", path, {"title": "new"}, headers={"If-Match": tags}).status_code == 412
        assert user("PATCH", path, {"title": "new"}, headers={"If-Match": tags}).status_code == 404
        assert user("DELETE", path, headers={"If-Match": tags}).status_code == 404
    assert user("GET", path).status_code == 404


def test_if_none_match(user):
    path = f"/v1/tasks/{create(user)['id']}"
    for tags in ('"1"', 'W/"1"', '"0", "1"', "*"):
        response = user("GET", path, headers={"If-None-Match": tags})
        assert (response.status_code, response.body) == (304, b"")
        assert response.headers["ETag"] == '"1"'
    for tags in ('"2"', '"x"'):
        assert user("GET", path, headers={"If-None-Match": tags}).status_code == 200
    user("PATCH", path, {"done": True})
    assert user("GET", path, headers={"If-None-Match": '"1"'}).headers["ETag"] == '"2"'


def post_once(user, key, **body):
    return user("POST", "/v1/tasks", body, headers={"Idempotency-Key": key})


def test_an_idempotency_key(user, other):
    first = post_once(user, "key-1", title="once")
    assert first.status_code == 201
    again = post_once(user, "key-1", done=False, title="once")
    assert (again.status_code, again.json) == (201, first.json)
    for name in ("Location", "ETag"):
        assert again.headers[name] == first.headers[name]
    reused = post_once(user, "key-1", title="another")
    assert (reused.status_code, reused.json["code"]) == (422, "idempotency_key_reused")
    assert post_once(user, "key-2", title="once").json["id"] != first.json["id"]
    assert post_once(other, "key-1", title="another").status_code == 201
    assert len(user("GET", "/v1/tasks").json["results"]) == 2
    assert events_of(first.json["id"]) == ["task.created"]


@pytest.mark.parametrize("key", ["", " ", "x" * 65, "ключ", "a b", "tab\t."])
def test_bad_idempotency_keys(user, key):
    response = post_once(user, key.encode().decode("latin-1"), title="task")
    assert response.status_code == 400
    assert response.json["errors"][0]["field"] == "Idempotency-Key"


def test_an_idempotency_key_is_free_after_a_day(user):
    first = post_once(user, "key", title="once").json
    Task.objects.filter(pk=first["id"]).update(created_at=F("created_at") - timedelta(hours=23))
    assert post_once(user, "key", title="once").json["id"] == first["id"]
    Task.objects.filter(pk=first["id"]).update(created_at=F("created_at") - timedelta(hours=1))
    second = post_once(user, "key", title="another")
    assert second.status_code == 201
    assert post_once(user, "key", title="another").json == second.json
    assert Task.objects.get(pk=first["id"]).idempotency_digest is None


def test_repeats_at_once_are_one_task(user):
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(lambda _: post_once(user, "key", title="once"), range(12)))
        put = f"/v1/tasks/{uuid.uuid4()}"
        puts = list(clients.map(lambda _: user("PUT", put, {"title": "once"}), range(12)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in puts) == [200] * 11 + [201]
    assert {answer.json["version"] for answer in puts} == {1}
    assert len(user("GET", "/v1/tasks").json["results"]) == 2


def test_of_two_changes_of_one_version_one_wins(user):
    path = f"/v1/tasks/{create(user)['id']}"

    def change(number: int) -> int:
        body = {"title": f"changed by {number}"}
        return user("PATCH", path, body, headers={"If-Match": '"1"'}).status_code

    with ThreadPoolExecutor(8) as clients:
        assert sorted(clients.map(change, range(8))) == [200] + [412] * 7
    assert user("GET", path).json["version"] == 2


class Meanwhile:
    """Another transaction has changed a task, and ends when a request waits for it."""

    def __init__(self, cluster) -> None:
        self.cluster = cluster

    def __call__(self, change: str, task: str, request):
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        with (
            ThreadPoolExecutor(1) as client,
            self.cluster.connect(OWNER, "service") as owner,
            self.cluster.connect("postgres", "postgres") as watcher,
        ):
            with owner.transaction():
                owner.execute(change, {"task": task})
                answer = client.submit(request)
                eventually(lambda: watcher.execute(waiting).fetchone() == (1,))
            return answer.result()


@pytest.fixture
def meanwhile(cluster):
    return Meanwhile(cluster)


CHANGE = "UPDATE tasks_task SET title = 'theirs', version = version + 1 WHERE id = %(task)s"
DELETION = "DELETE FROM tasks_task WHERE id = %(task)s"


def test_changes_meanwhile(user, meanwhile):
    task = create(user)["id"]
    path = f"/v1/tasks/{task}"
    done = meanwhile(CHANGE, task, lambda: user("PATCH", path, {"done": True}))
    assert (done.json["title"], done.json["done"], done.json["version"]) == ("theirs", True, 3)
    for method, body in (("PUT", {"title": "x"}), ("PATCH", {"title": "x"}), ("DELETE", None)):
        version = user("GET", path).json["version"]
        tag = {"If-Match": f'"{version}"'}
        refused = meanwhile(
            CHANGE, task, lambda m=method, b=body, h=tag: user(m, path, b, headers=h)
        )
        assert refused.status_code == 412
        assert user("GET", path).json["version"] == version + 1
    # What another has just made of it is what this request asks for, too.
    same = meanwhile(
        CHANGE.replace("theirs", "x"), task, lambda: user("PATCH", path, {"title": "x"})
    )
    assert (same.status_code, same.json["title"]) == (200, "x")


def test_deletion_meanwhile(user, meanwhile):
    for method, body, headers, status in (
        ("PATCH", {"done": True}, {}, 404),
        ("DELETE", None, {}, 404),
        ("PUT", {"title": "new"}, {}, 201),
        ("PUT", {"title": "new"}, {"If-Match": '"1"'}, 412),
    ):
        task = create(user)["id"]
        path = f"/v1/tasks/{task}"
        answer = meanwhile(
            DELETION, task, lambda m=method, b=body, h=headers, p=path: user(m, p, b, headers=h)
        )
        assert answer.status_code == status
        assert (user("GET", path).status_code == 200) == (status == 201)


def test_creation_meanwhile(user, other, meanwhile):
    task = uuid.uuid4()
    creation = f"""INSERT INTO tasks_task (id, owner, title, created_at, updated_at)
        VALUES (%(task)s, '{other.key}', 'theirs', now(), now())"""
    path = f"/v1/tasks/{task}"
    assert (
        meanwhile(creation, task, lambda: user("PUT", path, {"title": "mine"})).status_code == 404
    )


def test_what_changes_all_the_time(user, monkeypatch):
    path = f"/v1/tasks/{create(user)['id']}"
    monkeypatch.setattr(changes, "_ask", lambda *_, **__: (None, Task(owner=user.key, title="x")))
    for method, body in (("PUT", {"title": "y"}), ("PATCH", {"title": "y"}), ("DELETE", None)):
        response = user(method, path, body)
        assert (response.status_code, response.json["code"]) == (503, "contended")


def listed(user, query: str = "", during=lambda number: None) -> list[dict]:
    """Every task of a list, by its pages."""
    tasks, cursor = [], ""
    for number in itertools.count():
        page = user("GET", f"/v1/tasks?{query}&cursor={cursor}")
        assert page.status_code == 200, page.text
        tasks += page.json["results"]
        cursor = page.json["next_cursor"]
        if cursor is None:
            return tasks
        during(number)


def test_pages(user, other):
    ids = [create(user, f"task {number}")["id"] for number in range(7)]
    create(other)
    pages = []
    assert [
        task["id"]
        for task in listed(
            user, "limit=3", lambda number: pages.append(create(user, "added while paging"))
        )
    ] == ids[::-1]
    assert len(pages) == 2
    page = user("GET", "/v1/tasks?limit=7&order=created").json
    assert [task["id"] for task in page["results"]] == ids
    assert user("GET", "/v1/tasks?limit=9").json["next_cursor"] is None


def test_filters(user):
    for title, done in (
        ("Buy 50% off", False),
        ("buy_milk", True),
        ("ÄRGER", True),
        ("a\\b", False),
    ):
        create(user, title, done=done)

    def found(**query) -> set[str]:
        return {task["title"] for task in listed(user, urlencode(query))}

    assert found(done="true") == {"buy_milk", "ÄRGER"}
    assert found(done="false") == {"Buy 50% off", "a\\b"}
    assert found(q="BUY") == {"Buy 50% off", "buy_milk"}
    assert found(q="BUY", done="true") == {"buy_milk"}
    assert found(q="%") == {"Buy 50% off"}
    assert found(q="_") == {"buy_milk"}
    assert found(q="\\") == {"a\\b"}
    assert found(q="ärg") == {"ÄRGER"}
    assert found(q=" 50") == {"Buy 50% off"}
    assert len(found(q="")) == 4
    assert found(q="nothing") == set()


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=", "limit=²", "limit=-1", "cursor=x", "cursor=é",
     "done=yes", "done=", "order=id", "order=-", "q=%00", "dnoe=true", "page=2"],
)  # fmt: skip
def test_bad_parameters(user, query):
    response = user("GET", f"/v1/tasks?{query}")
    assert (response.status_code, response.json["code"]) == (400, "invalid")
    assert [error["field"] for error in response.json["errors"]] == [query.partition("=")[0]]


def test_a_cursor_belongs_to_order_and_filter(user):
    for number in range(3):
        create(user, f"task {number}")
    query = "q=task&done=false&order=title"
    cursor = user("GET", f"/v1/tasks?limit=1&{query}").json["next_cursor"]
    assert len(user("GET", f"/v1/tasks?limit=50&{query}&cursor={cursor}").json["results"]) == 2
    for other in ("q=task&done=false", "q=tas&done=false&order=title", "q=task&order=title", ""):
        response = user("GET", f"/v1/tasks?{other}&cursor={cursor}")
        assert response.json["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize("order", ["created", "title"])
@pytest.mark.parametrize(
    "key", [[], ["x"], ["x", "y"], ["nul\0", "ID"], [1, 2], ["\ud800", "ID"], [{}, []]]
)
def test_forged_cursors(user, order, key):
    assert_refused(user, order, key)


def test_a_forged_time(user):
    for time in ("2026-13-01T00:00:00Z", "yesterday"):
        assert_refused(user, "created", [time, "ID"])


def assert_refused(user, order, key):
    cursor = paging.cursor_of(
        {"order": order}, *(str(uuid.uuid4()) if part == "ID" else part for part in key)
    )
    response = user("GET", f"/v1/tasks?order={order}&cursor={cursor}")
    assert (response.status_code, response.json["errors"][0]["field"]) == (400, "cursor")


TITLES = st.lists(st.text("abAB äß", max_size=2).map(lambda text: f"t{text}."), max_size=12)


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(TITLES, TITLES, st.sampled_from(ORDERS), st.integers(1, 5))
def test_pages_hold_every_task_once(user, before, meanwhile, order, limit):
    Task.objects.filter(owner=user.key).delete()
    there = [create(user, title) for title in before]
    later = iter(meanwhile)

    def add(_number):
        if title := next(later, None):
            create(user, title)

    tasks = listed(user, f"order={order}&limit={limit}", add)
    ids = [task["id"] for task in tasks]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= {task["id"] for task in there}
    if order == "-created":
        assert len(ids) == len(there)

    def place(task):
        return (task["created_at"] if "created" in order else task["title"].lower(), task["id"])

    assert tasks == sorted(tasks, key=place, reverse=order[0] == "-")


@pytest.mark.parametrize("order", ORDERS)
def test_a_page_is_one_range_of_an_index(user, order, monkeypatch):
    create(user)
    query = {"order": order, "limit": 50, "cursor": ""}
    place = datetime.now(UTC).isoformat() if "created" in order else "task"
    query["cursor"] = paging.cursor_of(query, place, str(uuid7()))
    plans = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off"
        )
        with CaptureQueriesContext(connection) as captured:
            lists.page(user.key, query)
        cursor.execute("EXPLAIN " + captured[0]["sql"])
        plans = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("RESET ALL")
    connection.close()
    index = "tasks_owner_created" if "created" in order else "tasks_owner_title"
    assert index in plans and "Sort" not in plans and "Filter" not in plans
    assert "ROW" in plans


def test_ids_are_version_7_and_ordered():
    ids = [uuid7() for _ in range(2)]
    assert all(value.version == 7 and value.variant == uuid.RFC_4122 for value in ids)
    assert ids[0].int >> 80 <= ids[1].int >> 80


class RoundTrips:
    """Counts messages that libpq sends and that the server must answer before the next one goes out."""

    def __init__(self, path) -> None:
        self.path = path

    def of(self, request) -> int:
        connection.ensure_connection()
        pool = connection.pool
        connection.close()
        with open(self.path, "w+") as trace:
            traced = [pool.getconn() for _ in range(pool.max_size)]
            for one in traced:
                one.pgconn.trace(trace.fileno())
                pool.putconn(one)
            try:
                assert request().status_code < 300
            finally:
                for one in traced:
                    one.pgconn.untrace()
        sent = [line.split("\t") for line in self.path.read_text().splitlines()]
        # A statement of several lines is one message.
        sent = [line for line in sent if len(line) > 3]
        return sum(line[1] == "F" and line[3].startswith(("Query", "Sync")) for line in sent)


def test_round_trips(user, tmp_path):
    """A round trip to the other region costs about 12 ms."""
    trips = RoundTrips(tmp_path / "trace")
    path = f"/v1/tasks/{create(user)['id']}"
    own = f"/v1/tasks/{uuid.uuid4()}"
    for method, target, body, headers in (
        ("GET", "/v1/tasks", None, {}),
        ("GET", "/v1/tasks?order=title&q=task&done=false", None, {}),
        ("GET", path, None, {}),
        ("POST", "/v1/tasks", {"title": "one"}, {}),
        ("POST", "/v1/tasks", {"title": "one"}, {"Idempotency-Key": "key"}),
        ("POST", "/v1/tasks", {"title": "one"}, {"Idempotency-Key": "key"}),
        ("PUT", own, {"title": "one"}, {"If-None-Match": "*"}),
        ("PUT", own, {"title": "two"}, {}),
        ("PUT", own, {"title": "two"}, {}),
        ("PUT", own, {"title": "three"}, {"If-Match": '"2"'}),
        ("PATCH", path, {"done": True}, {}),
        ("PATCH", path, {"done": True}, {"If-Match": '"2"'}),
        ("GET", "/v1/activity", None, {}),
        ("DELETE", path, None, {"If-Match": '"2"'}),
    ):
        trip = partial(user, method, target, body, headers=headers)
        assert trips.of(trip) == 1, (method, target, headers)
    assert trips.of(lambda: user("GET", "/livez")) == 0
    assert trips.of(user.sign_in) == 0
