import uuid

import pytest
from django.db import connection

from tasks.models import Task, uuid7


def create(user, title="task", **fields):
    response = user("POST", "/v1/tasks", {"title": title, **fields})
    assert response.status_code == 201
    return response.json


def test_create_list_read_change_delete(user):
    task = create(user, "Write tests")
    assert task == {**task, "title": "Write tests", "done": False}
    assert task["created_at"].endswith("Z")
    assert set(task) == {"id", "title", "done", "created_at", "updated_at"}
    path = f"/v1/tasks/{task['id']}"
    assert user("GET", path).json == task
    assert user("GET", "/v1/tasks").json == {"results": [task], "next_cursor": None}

    changed = user("PATCH", path, {"done": True}).json
    assert changed == {**task, "done": True, "updated_at": changed["updated_at"]}
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
     {"title": "t", "done": "perhaps"}, [], "text", None],
)  # fmt: skip
def test_bad_bodies(user, body):
    assert user("POST", "/v1/tasks", body).status_code == 400


def test_client_sets_neither_id_nor_owner(user, other):
    task = create(user, id=str(uuid.uuid4()), owner=other.key, created_at="2000-01-01T00:00:00Z")
    assert not task["created_at"].startswith("2000")
    assert Task.objects.get(pk=task["id"]).owner == user.key


def test_change_of_one_field_leaves_the_others(user, monkeypatch):
    task = create(user, "old")
    path = f"/v1/tasks/{task['id']}"
    from tasks.views import TaskDetail

    perform = TaskDetail.perform_update

    def slow(view, serializer):
        Task.objects.filter(pk=task["id"]).update(title="meanwhile")
        perform(view, serializer)

    monkeypatch.setattr(TaskDetail, "perform_update", slow)
    user("PATCH", path, {"done": True})
    assert user("GET", path).json["title"] == "meanwhile"


def test_change_of_a_task_deleted_meanwhile(user, monkeypatch):
    task = create(user)
    from tasks.views import TaskDetail

    perform = TaskDetail.perform_update

    def slow(view, serializer):
        Task.objects.filter(pk=task["id"]).delete()
        perform(view, serializer)

    monkeypatch.setattr(TaskDetail, "perform_update", slow)
    assert user("PATCH", f"/v1/tasks/{task['id']}", {"done": True}).status_code == 404


def test_pages(user, other):
    ids = [create(user, f"task {number}")["id"] for number in range(7)]
    create(other)
    pages, cursor = [], ""
    while cursor is not None:
        page = user("GET", f"/v1/tasks?limit=3&cursor={cursor}").json
        pages.append([task["id"] for task in page["results"]])
        cursor = page["next_cursor"]
        if len(pages) == 1:
            create(user, "added while paging")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [id for page in pages for id in page] == sorted(ids, reverse=True)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=", "limit=²", "limit=-1", "cursor=x"],
)
def test_bad_page_parameters(user, query):
    response = user("GET", f"/v1/tasks?{query}")
    assert response.status_code == 400
    assert response.json["errors"][0]["field"] == query.partition("=")[0]


def test_no_put(user):
    task = create(user)
    response = user("PUT", f"/v1/tasks/{task['id']}", {"title": "new"})
    assert response.status_code == 405
    assert "PATCH" in response.headers["Allow"]


def test_ids_are_version_7_and_ordered():
    ids = [uuid7() for _ in range(2)]
    assert all(value.version == 7 and value.variant == uuid.RFC_4122 for value in ids)
    assert ids[0].int >> 80 <= ids[1].int >> 80


def test_a_page_is_one_range_of_the_index(user):
    create(user)
    with connection.cursor() as cursor:
        cursor.execute(
            "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off"
        )
        query = Task.objects.filter(owner=user.key, id__lt=uuid7()).order_by("-id")[:51]
        plan = query.explain()
        cursor.execute("RESET ALL")
    connection.close()
    assert "tasks_owner_newest" in plan and "Sort" not in plan
    assert "Filter" not in plan


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
        return sum(line[1] == "F" and line[3].startswith(("Query", "Sync")) for line in sent)


def test_round_trips(user, tmp_path):
    """A round trip to the other region costs about 12 ms."""
    trips = RoundTrips(tmp_path / "trace")
    path = f"/v1/tasks/{create(user)['id']}"
    assert trips.of(lambda: user("GET", "/v1/tasks")) == 1
    assert trips.of(lambda: user("GET", path)) == 1
    assert trips.of(lambda: user("POST", "/v1/tasks", {"title": "one"})) == 1
    assert trips.of(lambda: user("PATCH", path, {"done": True})) == 2
    assert trips.of(lambda: user("DELETE", path)) == 2
    assert trips.of(lambda: user("GET", "/livez")) == 0
    assert trips.of(user.sign_in) == 0
