import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from django.db.migrations.recorder import MigrationRecorder

from asgi_client import loop
from conftest import eventually
from service import capacity, health


@pytest.mark.parametrize("path", ["/livez", "/healthcheck"])
@pytest.mark.parametrize("host", ["localhost", "10.10.3.4:8000", "evil.example"])
def test_liveness_ignores_host_and_dependencies(api, s3_faults, database_away, path, host):
    response = api("GET", path, headers={"Host": host})
    assert (response.status_code, response.json) == (200, {"status": "ok"})
    assert response.headers["X-Instance-Id"] == "i-0123456789abcdef0"
    assert s3_faults.seen == []


def test_readiness(api):
    response = api("GET", "/readyz", headers={"Host": "10.10.3.4"})
    assert response.status_code == 200
    assert response.json == {
        "status": "ready",
        "checks": {name: {"ok": True} for name in ("database", "accounts", "migrations")},
    }


def test_not_ready_without_database(api, database_away, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    response = api("GET", "/readyz")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    checks = response.json["checks"]
    assert not checks["database"]["ok"] and not checks["migrations"]["ok"]
    assert checks["accounts"]["ok"]


def test_not_ready_without_bucket(api, s3_faults):
    s3_faults.answer("HEAD", 403)
    response = api("GET", "/readyz")
    assert response.status_code == 503
    assert response.json["checks"]["accounts"] == {"ok": False, "reason": "ClientError"}
    assert response.json["checks"]["database"]["ok"]


def test_not_ready_with_unapplied_migrations(api, monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda self: {})
    response = api("GET", "/readyz")
    assert response.status_code == 503
    assert response.json["checks"]["migrations"]["reason"] == "UnappliedMigrations"


def test_checks_that_hang_are_not_waited_for(monkeypatch):
    release = threading.Event()
    waits = []

    def give_up(future, limit):
        waits.append(limit)
        raise TimeoutError

    monkeypatch.setattr(Future, "exception", give_up)
    for target, name in (
        (health.store, "check"), (health, "_check_database"), (health, "_check_migrations")
    ):  # fmt: skip
        monkeypatch.setattr(target, name, release.wait)
    clock = iter([0.0, 0.0, 1.0, 2.0])
    monkeypatch.setattr(health, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    try:
        checks = health.readiness()
    finally:
        release.set()
    assert [check["reason"] for check in checks.values()] == [
        "no answer within 1 s", "no answer within 2 s", "no answer within 2 s"
    ]  # fmt: skip
    # They are waited for side by side: whoever asks gives up after 5 s.
    assert waits == [1.0, 1.0, 0]


@pytest.fixture
def busy(api):
    """Takes every thread of a part for a while."""
    edge = api.application

    @contextmanager
    def occupy(name: str):
        (threads,) = [held for part, held in edge.threads.items() if part.name == name]
        free = threads.slots._value

        async def take():
            for _ in range(free):
                await threads.slots.acquire()

        async def give_back():
            for _ in range(free):
                threads.slots.release()

        def run(coroutine):
            asyncio.run_coroutine_threadsafe(coroutine, loop()).result(10)

        run(take())
        try:
            yield threads
        finally:
            run(give_back())

    return occupy


def test_a_part_that_is_stuck_leaves_the_others_alone(api, user, busy, monkeypatch):
    monkeypatch.setattr(capacity, "PATIENCE_SECONDS", 0)
    for stuck in ("tasks", "accounts", "deletion"):
        with busy(stuck):
            answers = {
                "tasks": user("GET", "/v1/tasks"),
                "accounts": user.sign_in(),
                # No password: refused, but not for want of a thread.
                "deletion": user("POST", "/v1/account/delete", {}),
            }
            for name, response in answers.items():
                served = 400 if name == "deletion" else 200
                assert response.status_code == (503 if name == stuck else served)
            assert answers[stuck].json["code"] == "overloaded"
            assert answers[stuck].headers["Retry-After"] == "2"
            assert api("GET", "/readyz").status_code == 200
            assert api("GET", "/livez").status_code == 200
    assert user("GET", "/v1/tasks").status_code == 200


def test_whoever_waits_gets_the_next_free_thread(user, busy):
    with ThreadPoolExecutor(1) as client:
        with busy("tasks") as threads:
            waiting = client.submit(user, "GET", "/v1/tasks")
            eventually(lambda: threads.waiting == 1)
        assert waiting.result().status_code == 200
    assert threads.waiting == 0


def test_too_many_do_not_wait(user, busy, monkeypatch):
    monkeypatch.setattr(capacity, "WAITING", 0)
    with busy("tasks"):
        assert user("GET", "/v1/tasks").json["code"] == "overloaded"


def test_every_path_has_its_part():
    names = {
        path: capacity.part_of(path).name
        for path in (
            "/v1/tasks/1",
            "/v1/signin",
            "/v1/token/refresh",
            "/v1/account",
            "/v1/account/delete",
            "/v1/activity",
            "/v1/fleet",
            "/readyz",
            "/",
            "/docs",
            "*",
        )
    }
    assert list(names.values()) == [
        "tasks", "accounts", "accounts", "accounts", "deletion", "activity", "fleet", "readiness",
        "pages", "pages", "pages",
    ]  # fmt: skip


class Arriving:
    """A body that comes as the test wants it."""

    def __init__(self, *pieces: bytes, ends: bool = True) -> None:
        self.pieces = list(pieces)
        self.ends = ends
        self.taken = 0

    async def __call__(self):
        if not self.pieces:
            assert not self.ends, "read beyond the end"
            await asyncio.Event().wait()
        piece = self.pieces.pop(0)
        self.taken += len(piece)
        more = bool(self.pieces) or not self.ends
        return {"type": "http.request", "body": piece, "more_body": more}


def post(api, arriving, **headers):
    headers = {"Content-Type": "application/json", **headers}
    return api("POST", "/v1/signin", headers=headers, receive=arriving)


def test_a_body_may_come_in_pieces(api):
    response = post(api, Arriving(b'{"login"', b': "", "password": ""}'))
    assert [error["field"] for error in response.json["errors"]] == ["login", "password"]


def test_a_body_that_does_not_come_has_a_deadline(api, monkeypatch):
    monkeypatch.setattr(capacity, "BODY_SECONDS", 0.01)
    response = post(api, Arriving(b"{", ends=False))
    assert (response.status_code, response.json["code"]) == (408, "body_timeout")
    assert response.headers["Connection"] == "close"


def test_bodies_that_do_not_come_cost_nothing_but_their_place(api, user, monkeypatch):
    edge = api.application
    with ThreadPoolExecutor(20) as clients:
        monkeypatch.setattr(capacity, "BODY_SECONDS", 60)
        stuck = [Arriving(b"{", ends=False) for _ in range(20)]
        waiting = [clients.submit(post, api, body) for body in stuck]
        eventually(lambda: edge.receiving == 20)
        assert user.sign_in().status_code == 200
        assert user("GET", "/v1/tasks").status_code == 200
        monkeypatch.setattr(capacity, "MAX_RECEIVING", 20)
        assert user.sign_in().json["code"] == "overloaded"
        assert api("GET", "/livez").status_code == 200
        for task in asyncio.all_tasks(loop()):
            loop().call_soon_threadsafe(task.cancel)
        for future in waiting:
            future.exception()
    eventually(lambda: edge.receiving == 0)


def test_a_large_body_is_read_up_to_a_limit(api):
    piece = b"x" * 65_536
    whole = Arriving(piece, b"x")
    assert post(api, whole).json["code"] == "body_too_large"
    assert whole.taken == 65_537
    endless = Arriving(*[piece] * 100)
    response = post(api, endless)
    assert (response.status_code, response.headers["Connection"]) == (413, "close")
    assert endless.taken == capacity.MAX_DISCARDED_BYTES + len(piece)


def test_a_client_that_goes_is_not_answered(api):
    async def gone():
        return {"type": "http.disconnect"}

    with pytest.raises(ValueError, match="unpack"):
        post(api, gone)


@pytest.mark.parametrize("path", ["/livez", "/healthcheck", "/readyz"])
def test_health_is_asked_with_get(api, path):
    response = api("POST", path, {})
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"
    assert response.json["code"] == "method_not_allowed"
