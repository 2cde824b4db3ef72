"""Two versions of a secret side by side: on a real PostgreSQL, and in two services that know one version each."""

import itertools
import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from cluster import OWNER_ROLE, SERVICE_ROLE, Cluster, login
from conftest import manage, write_credentials
from test_server import Server

DATABASE = "service"


def _cluster():
    """A cluster of its own: the other tests' logins must stay."""
    cluster = Cluster()
    try:
        cluster.create_database(DATABASE)
        yield cluster
    finally:
        cluster.remove()


rotating = pytest.fixture(_cluster, scope="module", name="rotating")
fresh = pytest.fixture(_cluster, name="fresh")


def sign_in(cluster: Cluster, role: str, version: int) -> psycopg.Connection:
    credentials = login(role, version)
    return psycopg.connect(
        host="127.0.0.1",
        port=cluster.port,
        dbname=DATABASE,
        user=credentials["username"],
        password=credentials["password"],
        autocommit=True,
    )


def valid(cluster: Cluster, role: str) -> list[int]:
    """The versions whose logins are let in, of the first nine."""
    versions = []
    for version in range(1, 10):
        try:
            sign_in(cluster, role, version).close()
            versions.append(version)
        except psycopg.OperationalError as error:
            assert "authentication failed" in str(error)
    return versions


def service_secret(version: int) -> dict:
    """As AccountStore makes it: the own key, the next one, and the one before."""
    versions = [number for number in (version, version + 1, version - 1) if number > 0]
    keys = [{"kid": str(number), "key": f"key {number} ".ljust(43, "k")} for number in versions]
    return {"secretKey": str(version) * 43, "tokenKeys": keys}


def test_logins_of_two_versions_are_let_in_and_the_one_before_last_is_shut_out(rotating):
    assert valid(rotating, SERVICE_ROLE) == [1]
    rotating.apply_logins(DATABASE, 1, 2)
    assert valid(rotating, SERVICE_ROLE) == [1, 2]
    assert valid(rotating, OWNER_ROLE) == [1]
    with (
        sign_in(rotating, SERVICE_ROLE, 1) as leaked,
        sign_in(rotating, SERVICE_ROLE, 2) as serving,
    ):
        rotating.apply_logins(DATABASE, 1, 3)
        assert valid(rotating, SERVICE_ROLE) == [2, 3]
        assert serving.execute("SELECT 1").fetchone() == (1,)
        # Not only is the password of no use any more; who came in with it is out.
        with pytest.raises(psycopg.OperationalError):
            leaked.execute("SELECT 1")


def test_a_rotation_under_load_fails_no_statement(fresh):
    """Two fleets, each with the login of its version; the old one leaves when the new one works."""
    with fresh.connect("postgres", DATABASE) as connection:
        connection.execute("CREATE TABLE written (id int PRIMARY KEY)")
        connection.execute(f"GRANT INSERT ON written TO {SERVICE_ROLE}")
    numbers, acknowledged, failures = itertools.count(), [], []

    def work(version: int, until: threading.Event) -> None:
        while not until.is_set():
            # A pool opens and closes connections all the time; one that is open goes on.
            with sign_in(fresh, SERVICE_ROLE, version) as connection:
                for _ in range(5):
                    number = next(numbers)
                    try:
                        connection.execute("INSERT INTO written VALUES (%s)", [number])
                        acknowledged.append(number)
                    except psycopg.Error as error:
                        failures.append(f"version {version}: {error}")

    with ThreadPoolExecutor() as threads:
        ends, fleets = [], []
        try:
            for version in (1, 2, 3, 4):
                fresh.apply_logins(DATABASE, 1, version)
                ends.append(threading.Event())
                fleets.append([threads.submit(work, version, ends[-1]) for _ in range(2)])
                before = len(acknowledged)
                while len(acknowledged) < before + 50 and not any(
                    fleet.done() for fleet in fleets[-1]
                ):
                    time.sleep(0.01)
                for end, fleet in zip(ends[:-1], fleets[:-1], strict=True):
                    end.set()
                    for thread in fleet:
                        thread.result()
        finally:
            for end in ends:
                end.set()
    for thread in fleets[-1]:
        thread.result()
    assert failures == []
    with fresh.connect("postgres", DATABASE) as connection:
        rows = connection.execute("SELECT id FROM written ORDER BY id").fetchall()
    assert [number for (number,) in rows] == sorted(acknowledged)


def test_a_step_back_shuts_nobody_out(rotating):
    rotating.apply_logins(DATABASE, 1, 2)
    assert 3 in valid(rotating, SERVICE_ROLE)
    rotating.apply_logins(DATABASE, 1, 3)
    assert valid(rotating, SERVICE_ROLE) == [2, 3]


def test_a_leap_over_the_logins_in_use_is_refused_and_changes_nothing(rotating):
    with pytest.raises(RuntimeError, match="app_rw goes from version 3 to 5: raise it by one"):
        rotating.apply_logins(DATABASE, 2, 5)
    assert valid(rotating, SERVICE_ROLE) == [2, 3]
    assert valid(rotating, OWNER_ROLE) == [1]


def test_a_failed_rotation_can_be_repeated(rotating):
    for _ in range(2):
        rotating.apply_logins(DATABASE, 1, 3)
    assert valid(rotating, SERVICE_ROLE) == [2, 3]


def test_what_one_login_of_the_owner_made_belongs_to_the_next(rotating):
    with sign_in(rotating, OWNER_ROLE, 1) as connection:
        connection.execute("CREATE TABLE made (id int)")
        # Whoever has left the role by hand: what they make there moves to it.
        connection.execute("SET ROLE NONE")
        connection.execute("CREATE TEMP TABLE mine (id int)")
    rotating.apply_logins(DATABASE, 2, 3)
    rotating.apply_logins(DATABASE, 3, 3)
    assert valid(rotating, OWNER_ROLE) == [2, 3]
    with sign_in(rotating, OWNER_ROLE, 3) as connection:
        connection.execute("ALTER TABLE made ADD COLUMN more int")
        owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'made'"
        assert connection.execute(owner).fetchone() == (OWNER_ROLE,)
    with sign_in(rotating, SERVICE_ROLE, 3) as connection:
        connection.execute("INSERT INTO made VALUES (1, 2)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


def test_the_monitor_sees_everything_that_goes_on_and_no_row(rotating):
    with rotating.connect("monitor", DATABASE) as monitor:
        seen = "SELECT count(*) FROM pg_stat_activity WHERE query = '<insufficient privilege>'"
        assert monitor.execute(seen).fetchone() == (0,)
        # Its transactions are read-only before its rights are asked.
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            monitor.execute("CREATE TABLE public.mine (id int)")
        monitor.execute("SET default_transaction_read_only = off")
        for statement in (
            "CREATE TABLE public.mine (id int)",
            "SELECT * FROM public.made",
            "SELECT pg_reload_conf()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                monitor.execute(statement)
        assert monitor.execute("SHOW statement_timeout").fetchone() == ("10s",)


def test_the_backup_can_be_taken_by_a_role_that_reads_no_row(rotating):
    with rotating.connect("backup", "postgres") as backup:
        backup.execute("SELECT pg_backup_start('test', true)")
        backup.execute("SELECT pg_backup_stop(false)")
        backup.execute("SELECT pg_switch_wal()")
        backup.execute("SELECT pg_create_restore_point('test')")
        data = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
        assert backup.execute(data).fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            backup.execute("SELECT pg_read_file('PG_VERSION')")
    with (
        rotating.connect("backup", DATABASE) as backup,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        backup.execute("SELECT * FROM public.made")


LIMITS = (
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
)


def limits(connection: psycopg.Connection) -> tuple[str, ...]:
    return tuple(connection.execute(f"SHOW {name}").fetchone()[0] for name in LIMITS)


@pytest.mark.parametrize(
    ("role", "expected"),
    [(OWNER_ROLE, ("0", "0", "10min", "0")), (SERVICE_ROLE, ("5s", "2s", "10s", "15s"))],
)
def test_every_login_has_its_time_outs(rotating, role, expected):
    for version in valid(rotating, role):
        with sign_in(rotating, role, version) as connection:
            assert limits(connection) == expected
            assert connection.execute("SHOW timezone").fetchone() == ("UTC",)


@pytest.mark.parametrize(
    ("role", "expected"),
    [("monitor", ("10s", "1s", "10s", "15s")), ("backup", ("0", "1min", "0", "0"))],
)
def test_the_hosts_own_users_have_time_outs_too(rotating, role, expected):
    with rotating.connect(role, DATABASE) as connection:
        assert limits(connection) == expected


def test_nobody_signs_in_as_a_role_and_no_role_can_do_more_than_it_is_for(rotating):
    with rotating.connect("postgres", "postgres") as connection:
        roles = connection.execute("""SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'
            AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
              OR rolcanlogin <> (rolname ~ '_[0-9]+$' OR rolname IN ('monitor', 'backup')))""").fetchall()
        passwords = connection.execute(
            "SELECT rolname FROM pg_authid WHERE rolpassword IS NOT NULL AND rolpassword NOT LIKE 'SCRAM-SHA-256$4096:%'"
        ).fetchall()
        granted = connection.execute(
            "SELECT m.rolname, r.rolname FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid"
            " JOIN pg_roles m ON m.oid = member WHERE m.rolname IN ('monitor', 'backup') ORDER BY 1, 2"
        ).fetchall()
    assert (roles, passwords) == ([], [])
    assert granted == [
        ("backup", "pg_checkpoint"),
        ("backup", "pg_read_all_settings"),
        ("backup", "pg_use_reserved_connections"),
        ("monitor", "pg_monitor"),
        ("monitor", "pg_use_reserved_connections"),
    ]


def test_services_of_two_versions_serve_one_user(rotating, tmp_path):
    """A roll-out seen from outside: the old fleet and the new one answer in turn."""
    rotating.apply_logins(DATABASE, 3, 3)
    owner = write_credentials(tmp_path / "owner", rotating.secret("app_owner_3", DATABASE))
    manage("migrate_locked", environ={"CREDENTIALS_DIRECTORY": str(owner)})
    servers = []
    try:
        for version in (2, 3):
            directory = tmp_path / str(version)
            directory.mkdir()
            database = rotating.secret(f"app_rw_{version}", DATABASE)
            write_credentials(directory / "credentials", database, service_secret(version))
            environ = {"CREDENTIALS_DIRECTORY": str(directory / "credentials")}
            servers.append(Server(directory, environ))
        for server in servers:
            server.wait()
        old, new = servers
        account = {"login": f"user-{uuid.uuid4().hex}", "password": "fifty-five tulips"}
        assert old("POST", "/v1/signup", account)[0].status == 201
        for issuer, verifier in ((old, new), (new, old)):
            response, body = issuer("POST", "/v1/signin", account)
            assert response.status == 200, body
            tokens = json.loads(body)
            bearer = {"Authorization": f"Bearer {tokens['access']}"}
            for server in (verifier, issuer):
                response, body = server("POST", "/v1/tasks", {"title": "shared"}, headers=bearer)
                assert response.status == 201, body
            response, body = verifier("POST", "/v1/token/refresh", {"refresh": tokens["refresh"]})
            assert response.status == 200, body
    finally:
        for server in servers:
            server.stop()
