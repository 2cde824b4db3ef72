import io
from contextlib import ExitStack

import pytest
from django.db.migrations.recorder import MigrationRecorder

from service import health
from service.capacity import CONCURRENCY, WAITING


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


def test_a_check_that_hangs_is_not_waited_for(monkeypatch):
    import threading

    release = threading.Event()
    future = health._executor.submit(release.wait)
    assert health._result("database", future, 0.01)["reason"] == "no answer within 0.01 s"
    release.set()


def test_liveness_is_answered_whatever_requests_wait_for(api, monkeypatch):
    edge = api.application
    monkeypatch.setattr("service.edge.PATIENCE_SECONDS", 0)
    with ExitStack() as held:
        for _ in range(CONCURRENCY):
            held.enter_context(edge._slots)
        response = api("GET", "/v1/tasks")
        assert (response.status_code, response.json["code"]) == (503, "overloaded")
        assert response.headers["Retry-After"] == "2"
        assert api("GET", "/readyz").json["code"] == "overloaded"
        assert api("GET", "/livez").status_code == 200
        monkeypatch.setattr("service.edge.PATIENCE_SECONDS", 60)
        for _ in range(CONCURRENCY + WAITING):
            held.enter_context(edge._places)
        # Nobody waits any more.
        assert api("GET", "/v1/tasks").status_code == 503
        assert api("GET", "/livez").status_code == 200
    assert api("GET", "/v1/tasks").status_code == 401


def test_a_slow_client_takes_no_slot(api):
    edge = api.application

    class Body(io.BytesIO):
        def read(self, size=-1):
            free.append(edge._slots._value)
            return super().read(size)

    free = []
    response = api("POST", "/v1/signin", input_stream=Body(b"{}"), content_length=2,
                   content_type="application/json")  # fmt: skip
    assert response.json["code"] == "invalid"
    assert free == [CONCURRENCY]
