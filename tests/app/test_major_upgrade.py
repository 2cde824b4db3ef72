"""The way to PostgreSQL 18 and back that docs/operations.md describes, with its own commands and with Debian's programs of both."""

import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from cluster import OWNER, SERVICE, USERDATA, Cluster, login
from conftest import manage, write_credentials

DATABASE = "service"
# Debian's next release, with PostgreSQL 17 beside 18 and pgBackRest.
NEXT = Path("/opt/debian-14")
VOLUME = Path("/var/lib/postgresql")
COUNTS = """SELECT table_name, (xpath('/row/n/text()', query_to_xml(
    format('SELECT count(*) AS n FROM %I', table_name), false, true, '')))[1]::text
  FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"""


def commands() -> str:
    text = (USERDATA.parent / "docs/operations.md").read_text()
    block = re.search(r"<!-- upgrade: .*?```sh\n(.*?)```", text, re.DOTALL)[1]
    return re.sub("^   ", "", block, flags=re.MULTILINE)


class NextRelease:
    """A host of Debian's next release, which has the volume of the one before."""

    # In a mount namespace of its own, with which its mounts go.
    ENTER = (
        *("unshare", "--mount", "--propagation=private", "sh", "-euc"),
        'mount --rbind /dev "$0/dev"; mount -t proc proc "$0/proc"; exec chroot "$0" bash -euc "$1"',
    )

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.repository = "/tmp/repository"

    def run(self, script: str) -> str:
        library = f'WORK=/tmp\nas_postgres() {{ setpriv --reuid postgres --regid postgres --init-groups "$@"; }}\n{self.make_stanza()}'
        made = subprocess.run(
            [*self.ENTER, NEXT, f"{library}\n{script}"],
            check=False, capture_output=True, text=True,
            env={"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(f"{made.stdout}{made.stderr}")
        return made.stdout

    def make_stanza(self) -> str:
        """What the boot script does with the repository, here in a folder."""
        return subprocess.run(
            ["bash", "-euc", "source lib/backup.sh; declare -f backrest make_stanza"],
            cwd=USERDATA, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    def is_behind(self) -> bool:
        """Whether 18 is older than 17, as in Debian's next release at times: 17.12 marks columns in a way that 18.7 knows."""
        version = self.run("/usr/lib/postgresql/18/bin/postgres --version")
        return int(re.search(r" 18\.(\d+) ", version)[1]) < 7

    def configure(self, version: int) -> None:
        (NEXT / "etc/pgbackrest.conf").write_text(
            f"[global]\nrepo1-path={self.repository}\nstart-fast=y\nlog-path=/tmp\nlock-path=/tmp\n"
            f"[main]\npg1-path={VOLUME}/{version}/main\npg1-socket-path=/tmp\npg1-port={self.cluster.port}\n"
        )

    def start(self, version: int) -> None:
        self.configure(version)
        settings = f"-p {self.cluster.port} -k /tmp -c listen_addresses=127.0.0.1 -c ssl=on -c archive_mode=on"
        archive = "-c 'archive_command=pgbackrest --stanza=main archive-push %p'"
        program = f"/usr/lib/postgresql/{version}/bin/pg_ctl -w -D {VOLUME}/{version}/main"
        self.run(f'as_postgres {program} -l /tmp/log -o "{settings} {archive}" start')

    def stop(self, version: int, mode: str = "fast") -> None:
        self.run(
            f"as_postgres /usr/lib/postgresql/{version}/bin/pg_ctl -w -m {mode} -D {VOLUME}/{version}/main stop"
        )

    def connect(self, user: str) -> psycopg.Connection:
        """As a client does, with the password that it had before."""
        role, number = user.rsplit("_", 1)
        return psycopg.connect(
            host="localhost",
            hostaddr="127.0.0.1",
            port=self.cluster.port,
            dbname=DATABASE,
            user=user,
            password=login(role, int(number))["password"],
            sslmode="verify-full",
            sslrootcert=str(self.cluster.ca_file),
            autocommit=True,
        )


@pytest.fixture
def release():
    cluster = Cluster()
    volume = NEXT / VOLUME.relative_to("/")
    try:
        cluster.create_database(DATABASE)
        (volume / "17").mkdir()
        cluster.give_to_postgres(volume, volume / "17")
        yield NextRelease(cluster)
    finally:
        for version in (17, 18):
            if (volume / f"{version}/main/postmaster.pid").exists():
                NextRelease(cluster).stop(version, "immediate")
        for folder in (*volume.iterdir(), NEXT / "tmp/repository"):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(cluster.directory)


def test_17_becomes_18_and_17_again(release, tmp_path):
    cluster = release.cluster
    credentials = write_credentials(tmp_path / "owner", cluster.secret(OWNER, DATABASE))
    manage("migrate_locked", environ={"CREDENTIALS_DIRECTORY": str(credentials)})
    with cluster.connect(OWNER, DATABASE) as owner:
        owner.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS id")
    with cluster.connect("postgres", DATABASE) as connection:
        before = connection.execute(COUNTS).fetchall()
        if release.is_behind():
            connection.execute(
                "UPDATE pg_attribute SET attoptions = NULL WHERE attoptions IS NOT NULL"
            )
    assert ("kept", "1000") in before
    # At once, as by a power cut: the next host finds it so.
    cluster.stop()
    volume = NEXT / VOLUME.relative_to("/")
    subprocess.run(["mv", cluster.directory / "data", volume / "17/main"], check=True)
    release.start(17)
    release.run("make_stanza; backrest check")
    release.stop(17, "immediate")

    release.run(commands())

    # What the boot script puts beside the cluster.
    for name in ("pg_hba.conf", "server.crt", "server.key"):
        shutil.copy(volume / "before-upgrade" / name, volume / "18/main" / name)
    for name in ("server.crt", "server.key"):
        cluster.give_to_postgres(volume / "18/main" / name)
    release.start(18)
    with release.connect(OWNER) as owner:
        assert owner.execute("SHOW server_version_num").fetchone()[0].startswith("18")
        assert owner.execute("SHOW data_checksums").fetchone() == ("on",)
        assert owner.execute(COUNTS).fetchall() == before
    with release.connect(SERVICE) as service:
        assert service.execute("SHOW statement_timeout").fetchone() == ("5s",)
        service.execute("DELETE FROM tasks_task")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            service.execute("DELETE FROM activity_event")
    release.run("make_stanza; backrest check; backrest backup")

    release.stop(18)
    release.run(f"cd {VOLUME}; mv 18/main after-upgrade; mv before-upgrade 17/main")
    release.start(17)
    with release.connect(OWNER) as owner:
        assert owner.execute("SHOW server_version_num").fetchone()[0].startswith("17")
        assert owner.execute(COUNTS).fetchall() == before
    release.run("make_stanza; backrest check; backrest backup")
    release.stop(17)
