"""The commands of the release host."""

import io
import json
import os
import subprocess
import sys
import uuid

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts import passwords, store
from cluster import OWNER, OWNER_ROLE, SERVICE
from conftest import APP, manage, write_credentials
from service.management.commands.migrate_locked import LOCK_ID


@pytest.fixture
def database(cluster, tmp_path):
    """An empty database, and the environments of its owner and of the service."""
    name = f"test_{uuid.uuid4().hex}"
    cluster.create_database(name)

    class Database:
        def connect(self, role: str = OWNER) -> psycopg.Connection:
            return cluster.connect(role, name)

        def environ(self, role: str) -> dict:
            directory = tmp_path / role
            if not directory.exists():
                write_credentials(directory, cluster.secret(role, name))
            return {"CREDENTIALS_DIRECTORY": str(directory)}

        def query(self, text: str) -> list[tuple]:
            with self.connect("postgres") as connection:
                return connection.execute(text).fetchall()

    return Database()


def test_migrations_of_two_runners_are_applied_once(database):
    with database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        runners = [
            subprocess.Popen(
                [sys.executable, str(APP / "manage.py"), "migrate_locked"],
                env={**os.environ, "DATABASE_POOL_SIZE": "", **database.environ(OWNER)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%try%'"
        while database.query(f"{waiting} AND pid <> pg_backend_pid()") != [(2,)]:
            assert all(runner.poll() is None for runner in runners)
    outputs = [runner.communicate()[0] for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0]
    assert sum("Applying tasks.0001_initial" in output for output in outputs) == 1
    applied = database.query("SELECT app, name FROM django_migrations")
    assert len(applied) == len(set(applied))
    assert {("activity", "0001_initial"), ("tasks", "0001_initial")} <= set(applied)


def test_waiting_for_the_lock_ends(database):
    with database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK_ID])
        result = manage("migrate_locked", "--wait=0", environ=database.environ(OWNER), check=False)
    assert result.returncode == 1
    assert "holds the migration lock" in result.stderr
    assert "Traceback" not in result.stderr
    assert database.query("SELECT to_regclass('tasks_task')") == [(None,)]


def test_owner_migrates_and_service_uses(database):
    check = ("migrate", "--check")
    assert manage(*check, environ=database.environ(SERVICE), check=False).returncode == 1
    refused = manage("migrate_locked", environ=database.environ(SERVICE), check=False)
    assert "permission denied" in refused.stderr
    manage("migrate_locked", environ=database.environ(OWNER))
    manage(*check, environ=database.environ(SERVICE))
    owners = database.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert owners == [(OWNER_ROLE,)]
    with database.connect(SERVICE) as connection:
        connection.execute("DELETE FROM tasks_task")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DROP TABLE tasks_task")


def test_timeouts_bound_requests_but_no_migration(database):
    names = ("statement_timeout", "lock_timeout")
    show = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(show)
        assert cursor.fetchone() == ("5s", "2s")
    connection.close()
    script = f"from django.db import connection as c; k = c.cursor(); print(k.execute({show!r}).fetchone())"
    # Migrations are the owner's, whose logins have no limit.
    result = manage("shell", "--verbosity=0", "--command", script, environ=database.environ(OWNER))
    assert result.stdout.strip() == "('0', '5s')"


@pytest.fixture
def admin_file(tmp_path):
    path = tmp_path / "admin.json"

    def write(**credentials):
        path.write_text(json.dumps(credentials))
        return str(path)

    return write


def ensure_admin(file: str) -> str:
    output = io.StringIO()
    call_command("ensure_admin", file, stdout=output)
    return output.getvalue()


def test_ensure_admin(api, admin_file):
    login = f"Admin-{uuid.uuid4().hex}"
    file = admin_file(login=login, password="first long password")
    assert "created" in ensure_admin(file)
    tokens = api("POST", "/v1/signin", {"login": login, "password": "first long password"}).json
    before = store.read(login.casefold())
    assert before.role == "admin"

    before = store.read(login.casefold())
    assert "unchanged" in ensure_admin(file)
    assert store.read(login.casefold()) == before

    file = admin_file(login=login, password="second long password")
    assert "updated" in ensure_admin(file)
    after = store.read(login.casefold())
    assert passwords.verify_password("second long password", after.password_hash)
    # Whoever knew the old password is signed out.
    refresh = {"refresh": tokens["refresh"]}
    assert api("POST", "/v1/token/refresh", refresh).status_code == 401


def test_ensure_admin_promotes(user, admin_file):
    ensure_admin(admin_file(**user.credentials))
    account = store.read(user.login)
    assert (account.role, account.token_version) == ("admin", 1)


@pytest.mark.parametrize(
    "credentials", [{}, {"login": "admin"}, {"login": "admin", "password": "password"}]
)
def test_ensure_admin_refuses_bad_credentials(admin_file, credentials):
    with pytest.raises(CommandError, match="password"):
        ensure_admin(admin_file(**credentials))


def test_ensure_admin_without_file():
    with pytest.raises(CommandError, match="/nowhere/admin.json"):
        ensure_admin("/nowhere/admin.json")


def test_ensure_admin_without_bucket(admin_file, s3_faults):
    s3_faults.answer("GET", 403)
    with pytest.raises(CommandError, match="bucket"):
        ensure_admin(admin_file(login="some-admin", password="some long password"))
