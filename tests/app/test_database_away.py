"""What the service does while the database is away, and when it comes back."""

import contextlib
import os
import signal
import threading

import pytest
from django.db import connection

from conftest import eventually
from core.postgresql.base import DatabaseWrapper
from test_watch import fill


@pytest.fixture
def task(user):
    return f"/v1/tasks/{user('POST', '/v1/tasks', {'title': 'kept'}).json['id']}"


def assert_unavailable(response):
    assert (response.status_code, response.json["code"]) == (503, "database_unavailable")
    assert response.headers["Retry-After"] == "2"


def test_requests_are_answered_503(user, task, database_away):
    for method, path, body in (
        ("GET", "/v1/tasks", None),
        ("POST", "/v1/tasks", {"title": "lost"}),
        ("PATCH", task, {"done": True}),
        ("DELETE", task, None),
    ):
        assert_unavailable(user(method, path, body))


def test_a_database_that_takes_no_changes_is_read_and_changes_are_answered_503(request, user, task):
    cluster = request.config.cluster

    def answers(status, method, path, body=None):
        # Each connection learns of it when it asks next.
        for _ in range(200):
            response = user(method, path, body)
            if response.status_code == status:
                return response
        raise AssertionError(f"{method} {path}: {response.status_code}")

    cluster.configure(default_transaction_read_only="on")
    try:
        changes = (("POST", "/v1/tasks", {"title": "lost"}), ("PATCH", task, {"done": True}))
        for method, path, body in changes:
            response = answers(503, method, path, body)
            assert response.json["code"] == "database_read_only"
            assert response.headers["Retry-After"] == "2"
        assert user("GET", task).status_code == 200
    finally:
        cluster.configure(default_transaction_read_only="off")
    answers(200, "PATCH", task, {"done": True})


def test_a_database_without_connections_is_answered_503_until_there_are_some(user, task, cluster):
    connection.close()
    connection.close_pool()
    with contextlib.ExitStack() as others:
        fill(cluster, others)
        for method, path, body in (("GET", task, None), ("POST", "/v1/tasks", {"title": "lost"})):
            assert_unavailable(user(method, path, body))
    # Nobody has to do anything.
    eventually(lambda: user("GET", task).status_code == 200)


def test_only_one_request_at_a_time_waits(user, task, database_away):
    # The first finds its connection broken, the second waits for a new one in vain.
    assert_unavailable(user("GET", task))
    assert_unavailable(user("GET", task))
    with DatabaseWrapper._probe:
        asked = connection.pool.get_stats()["requests_num"]
        for _ in range(20):
            assert_unavailable(user("GET", task))
        assert connection.pool.get_stats()["requests_num"] == asked


def test_broken_connections_fail_one_request(user, task, cluster):
    held = threading.Barrier(5, timeout=10)

    def use_one():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            held.wait()
        connection.close()

    threads = [threading.Thread(target=use_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    held.wait()
    for thread in threads:
        thread.join()
    with cluster.connect("postgres", "postgres") as superuser:
        ended = superuser.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'app_rw_1'"
        ).fetchone()
    assert ended == (4,)
    assert_unavailable(user("GET", task))
    assert [user("GET", task).status_code for _ in range(4)] == [200] * 4


def test_waiting_for_a_lock_is_bounded(user, task, cluster):
    with cluster.connect("app_owner_1", "service") as owner, owner.transaction():
        owner.execute("LOCK TABLE tasks_task IN ACCESS EXCLUSIVE MODE")
        assert_unavailable(user("GET", task))
    assert user("GET", task).status_code == 200


def test_a_server_that_hangs_is_given_up(user, task, cluster, monkeypatch):
    monkeypatch.setattr("core.postgresql.connection.ANSWER_SECONDS", 0.2)
    with cluster.connect("postgres", "postgres") as superuser:
        pids = [
            pid
            for (pid,) in superuser.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'app_rw_1'"
            )
        ]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert_unavailable(user("GET", task))
            # The idle connections were given up as well; the postmaster still makes new ones.
            assert [user("GET", task).status_code for _ in range(4)] == [200] * 4
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
