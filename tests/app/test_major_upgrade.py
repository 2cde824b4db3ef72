"""The way to another major version that docs/operations.md describes, rehearsed between two clusters of the version there is."""

import os
import subprocess

import psycopg
import pytest

from cluster import OWNER, SERVICE, Cluster, login
from conftest import manage, write_credentials

DATABASE = "service"
COUNTS = """SELECT table_name, (xpath('/row/n/text()', query_to_xml(
    format('SELECT count(*) AS n FROM %I', table_name), false, true, '')))[1]::text
  FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"""


@pytest.fixture
def clusters():
    made = []
    try:
        for _ in range(2):
            made.append(Cluster())
            made[-1].create_database(DATABASE)
        yield made
    finally:
        for cluster in made:
            cluster.remove()


def run(cluster: Cluster, program: str, *arguments: str) -> None:
    """As the owner, over the network."""
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "PGUSER": OWNER}
    environ = {**os.environ, **place, "PGPASSWORD": login("app_owner", 1)["password"]}
    made = subprocess.run(
        [cluster.bin / program, *arguments],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
    )
    assert (made.returncode, made.stderr) == (0, "")


def test_the_database_is_moved_whole_and_the_way_back_is_the_old_one(clusters, tmp_path):
    old, new = clusters
    credentials = write_credentials(tmp_path / "owner", old.secret(OWNER, DATABASE))
    manage("migrate_locked", environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    with old.connect(OWNER, DATABASE) as owner:
        owner.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    with old.connect("postgres", DATABASE) as connection:
        before = connection.execute(COUNTS).fetchall()
        connection.execute(f"ALTER DATABASE {DATABASE} SET default_transaction_read_only = on")

    run(old, "pg_dump", "--format=directory", "--jobs=2", f"--file={tmp_path / 'dump'}", DATABASE)
    # They would be added to the rights in the dump, which has them, too.
    for what in ("TABLES", "SEQUENCES"):
        revoke = f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {what} FROM app_rw"
        run(new, "psql", "-qXc", revoke, DATABASE)
    run(
        new,
        "pg_restore",
        "--exit-on-error",
        "--jobs=2",
        f"--dbname={DATABASE}",
        str(tmp_path / "dump"),
    )

    with new.connect("postgres", DATABASE) as connection:
        assert connection.execute(COUNTS).fetchall() == before
        assert ("kept", "1000") in before
    with old.connect("postgres", DATABASE) as connection:
        assert connection.execute(COUNTS).fetchall() == before
    with new.connect(SERVICE, DATABASE) as service:
        # The rights came along: tasks are changed, the log is not.
        service.execute("DELETE FROM tasks_task")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("DELETE FROM activity_event")
    with (
        old.connect(SERVICE, DATABASE) as service,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        service.execute("DELETE FROM tasks_task")
