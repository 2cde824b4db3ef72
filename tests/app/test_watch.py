"""What the database host says of its database every twenty seconds, asked of a real one by the watch's own query."""

import contextlib
import json
import os
import subprocess

import psycopg
import pytest

from cluster import USERDATA
from conftest import eventually

DATABASE = "service"
# Whoever it is to run as has no account here.
SETPRIV = '#!/bin/bash\nwhile [[ $1 == --* ]]; do case $1 in --clear-groups) shift ;; *) shift 2 ;; esac; done\nexec "$@"\n'


@pytest.fixture
def look(cluster, tmp_path):
    program = tmp_path / "setpriv"
    program.write_text(SETPRIV)
    program.chmod(0o755)

    def figures(
        used: int = 10, clock: str = "yes", limits: tuple[tuple[str, str], ...] = ()
    ) -> dict:
        """The line, with limits that no test can wait for replaced."""
        library = (USERDATA / "lib/watch.sh").read_text()
        for limit, instead in limits:
            assert library.count(limit) == 1, limit
            library = library.replace(limit, instead)
        place = {"PGHOST": str(cluster.directory), "PGPORT": str(cluster.port)}
        path = f"{tmp_path}:{cluster.bin}:{os.environ['PATH']}"
        made = subprocess.run(
            ["bash", "-euc", f"{library}\nfigures {used} {clock}"],
            check=True, capture_output=True, text=True,
            env={**os.environ, **place, "PATH": path, "DATABASE_NAME": DATABASE},
        )  # fmt: skip
        return json.loads(made.stdout)

    return figures


def test_a_database_that_is_well_has_nothing_to_say(look, cluster):
    line = look()
    assert (line["level"], line["message"], line["clockSynchronized"]) == ("info", "", True)
    assert (line["diskUsedPercent"], line["maxConnections"]) == (10, 60)
    with cluster.connect("postgres", DATABASE) as connection:
        seen = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        assert look()["connections"] == connection.execute(seen).fetchone()[0] + 1
    assert 0 < line["transactionAge"] < 500_000_000
    assert look(clock="no")["clockSynchronized"] is False


@pytest.mark.parametrize(
    ("used", "message"),
    [
        (79, None),
        (80, "the volume fills up"),
        (94, "the volume fills up"),
        (95, "nothing is written"),
    ],
)
def test_a_volume_that_fills_up_is_told_of_before_writing_ends(look, used, message):
    line = look(used=used)
    assert line["level"] == ("warning" if message else "info")
    assert (message or "") in line["message"]
    assert ("databaseVolumeGiB" in line["message"]) == bool(message)


def fill(cluster, stack: contextlib.ExitStack, most: int = 1000) -> int:
    """Opens connections as the service does, up to a number of them or as many as it gets."""
    for number in range(most):
        try:
            stack.enter_context(cluster.connect("app_rw_1", DATABASE))
        except psycopg.OperationalError as error:
            assert "remaining connection slots are reserved" in str(error)
            return number
    return most


def test_connections_that_run_out_are_told_of_by_a_monitor_who_still_gets_in(look, cluster):
    with contextlib.ExitStack() as stack:
        fill(cluster, stack, 48 - look()["connections"])
        assert (look()["connections"], look()["level"]) == (48, "info")
        fill(cluster, stack, 1)
        assert look()["level"] == "warning"
        fill(cluster, stack)
        line = look()
        assert line["level"] == "warning"
        assert line["message"] == "connections run out: see pg_stat_activity"
        assert line["connections"] > 54
        # So does whoever takes a backup, and an administrator on the host.
        for user in ("backup", "postgres"):
            cluster.connect(user, DATABASE).close()


def test_a_transaction_that_stays_open_is_told_of(look, cluster):
    limits = (("oldest > 300 ", "oldest > 0 "),)
    with cluster.connect("app_owner_1", DATABASE) as owner:
        owner.execute("SELECT 1")
        assert look(limits=limits)["message"] == ""
        with owner.transaction():
            owner.execute("SELECT 1")
            eventually(lambda: look()["oldestTransactionSeconds"] > 0)
            assert "ended" not in look()["message"]
            line = look(limits=limits)
            assert line["level"] == "warning"
            assert "end it with pg_terminate_backend" in line["message"]
    eventually(lambda: look()["oldestTransactionSeconds"] == 0)


def test_dead_rows_and_old_transaction_numbers_are_told_of(look, cluster):
    with cluster.connect("app_owner_1", DATABASE) as owner:
        owner.execute("CREATE TABLE bloated (id int) WITH (autovacuum_enabled = off)")
        try:
            owner.execute("INSERT INTO bloated SELECT generate_series(1, 50000)")
            owner.execute("DELETE FROM bloated WHERE id <= 9000")
            owner.execute("SELECT pg_stat_force_next_flush()")
            assert look()["deadRowsPercent"] == 0, "of a few rows it says nothing"
            owner.execute("DELETE FROM bloated WHERE id <= 12000")
            owner.execute("SELECT pg_stat_force_next_flush()")
            eventually(lambda: look()["deadRowsPercent"] == 24)
            assert look()["message"].startswith("a fifth of a table are dead rows")
        finally:
            owner.execute("DROP TABLE bloated")
    line = look(limits=(("age > 500000000 ", "age > 1 "),))
    assert line["message"].startswith("transaction numbers run out")
