"""How clients and the database know each other: the boot script's own rules and certificates, on a real PostgreSQL."""

import os
import subprocess
import threading
import time

import psycopg
import pytest
from cryptography import x509

from certificates import Authority
from cluster import OWNER_ROLE, SERVICE, SERVICE_ROLE, USERDATA, Cluster, login

DATABASE, HOST = "service", "localhost"


class Host:
    """What of the database host's boot script is about certificates and about who is let in."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.tls = cluster.directory / "tls"
        self.tls.mkdir()
        self.certificates(1)
        rules = self.run("access_rules 127.0.0.1/32")
        # The tests' own way in, by the socket.
        (cluster.directory / "data/pg_hba.conf").write_text(f"local all postgres trust\n{rules}")
        cluster.configure(
            ssl_cert_file=self.tls / "server.pem",
            ssl_key_file=self.tls / "server.pem",
            ssl_min_protocol_version="TLSv1.3",
        )
        self.reload()

    def run(self, script: str) -> str:
        library = (
            'fail() { echo "$*" >&2; exit 1; }; source lib/certificates.sh; source lib/logins.sh'
        )
        roles = {"DATABASE_NAME": DATABASE, "OWNER_ROLE": OWNER_ROLE, "APP_ROLE": SERVICE_ROLE}
        environ = {"TLS": str(self.tls), "DATABASE_HOSTNAME": HOST, "WORK": str(self.tls), **roles}
        made = subprocess.run(
            ["bash", "-euc", f"{library}\n{script}"],
            check=False, cwd=USERDATA, env={**os.environ, **environ}, capture_output=True, text=True,
        )  # fmt: skip
        if made.returncode:
            raise RuntimeError(made.stderr)
        return made.stdout

    def certificates(self, version: int) -> str:
        """Rotates to this version. Answers a file with the authorities that its clients trust."""
        self.run(f"certificates {version}")
        self.cluster.give_to_postgres(self.tls, *self.tls.iterdir())
        trusted = self.cluster.directory / f"trusted-{version}.pem"
        trusted.write_bytes((self.tls / "ca.pem").read_bytes())
        return str(trusted)

    def reload(self) -> None:
        with self.cluster.connect("postgres", "postgres") as connection:
            connection.execute("SELECT pg_reload_conf()")

    def serve(self, certificate: bytes, key: bytes) -> None:
        """Has the server show another certificate."""
        (self.tls / "server.pem").write_bytes(key + certificate)
        self.reload()

    def authority(self) -> Authority:
        """The one that signs at version 1."""
        return Authority((self.tls / "ca-1.pem").read_bytes())

    def connect(self, authorities: str, **options) -> psycopg.Connection:
        place = {
            "host": HOST,
            "hostaddr": "127.0.0.1",
            "port": self.cluster.port,
            "dbname": DATABASE,
        }
        credentials = {"user": SERVICE, "password": login(SERVICE_ROLE, 1)["password"]}
        safe = {"sslmode": "verify-full", "sslrootcert": authorities}
        return psycopg.connect(autocommit=True, **{**place, **credentials, **safe, **options})

    def signer(self) -> str:
        """Who signed the certificate that the server shows a new client."""
        pem = (self.tls / "server.pem").read_bytes()
        return x509.load_pem_x509_certificate(pem).issuer.rfc4514_string()


@pytest.fixture
def host():
    cluster = Cluster()
    try:
        cluster.create_database(DATABASE)
        yield Host(cluster)
    finally:
        cluster.remove()


def test_only_tls_1_3_with_the_right_name_and_authority_is_spoken(host):
    trusted = host.certificates(1)
    with host.connect(trusted, ssl_min_protocol_version="TLSv1.3") as connection:
        answer = connection.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert answer.fetchone() == ("TLSv1.3",)
    stranger = host.cluster.directory / "stranger.pem"
    stranger.write_bytes(Authority().pem)
    for options, reason in (
        ({"sslmode": "disable"}, "rejects connection.*no encryption"),
        ({"ssl_max_protocol_version": "TLSv1.2"}, "protocol version"),
        ({"sslrootcert": str(stranger)}, "certificate verify failed"),
        ({"host": "another.internal"}, 'does not match host name "another.internal"'),
        ({"password": "a wrong one"}, "password authentication failed"),
    ):
        with pytest.raises(psycopg.OperationalError, match=reason):
            host.connect(trusted, **options)


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2000)], ids=["ended", "not begun"])
def test_a_certificate_that_is_not_good_now_is_refused_by_clients_and_renewed_by_the_host(
    host, begins, ends
):
    """It has ended, or was made by a clock that was ahead."""
    trusted = host.certificates(1)
    host.serve(*host.authority().issue(HOST, ends, begins))
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        host.connect(trusted)
    assert host.certificates(1) == trusted
    host.reload()
    host.connect(trusted).close()


@pytest.mark.parametrize(
    ("name", "years", "is_kept"),
    [(HOST, 3.1, True), (HOST, 2.9, False), ("another.internal", 4, False)],
)
def test_a_certificate_is_renewed_three_years_before_its_end_and_for_another_name(
    host, name, years, is_kept
):
    certificate, key = host.authority().issue(name, int(years * 365))
    host.serve(certificate, key)
    host.certificates(1)
    assert ((host.tls / "server.pem").read_bytes() == key + certificate) == is_kept


def test_no_superuser_comes_in_over_the_network_whatever_the_password(host):
    trusted = host.certificates(1)
    with host.cluster.connect("postgres", DATABASE) as connection:
        connection.execute("ALTER ROLE postgres PASSWORD 'known'")
        connection.execute("CREATE ROLE other LOGIN SUPERUSER PASSWORD 'known'")
    for user in ("postgres", "other", "monitor", "backup"):
        with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects connection"):
            host.connect(trusted, user=user, password="known")
    with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects connection"):
        host.connect(trusted, dbname="postgres")


def test_an_authority_is_rotated_under_load_with_two_fleets_side_by_side(host):
    """Fleet N trusts what was published for version N. Clients connect anew all the time, as hosts that start do."""
    running, failures, connections = threading.Event(), [], [0]
    running.set()

    def serve(fleet: str, until: threading.Event) -> None:
        while running.is_set() and not until.is_set():
            try:
                with host.connect(fleet) as connection:
                    connection.execute("SELECT 1")
                connections[0] += 1
            except psycopg.Error as error:
                failures.append(f"{fleet}: {error}")

    def start(fleet: str) -> tuple[threading.Thread, threading.Event]:
        until = threading.Event()
        thread = threading.Thread(target=serve, args=(fleet, until))
        thread.start()
        return thread, until

    old = start(host.certificates(1))
    signers = [host.signer()]
    try:
        for version in (2, 3):
            fleet = host.certificates(version)
            host.reload()
            signers.append(host.signer())
            new = start(fleet)
            before = connections[0]
            while connections[0] < before + 10 and not failures:
                time.sleep(0.01)
            old[1].set()
            old[0].join()
            old = new
    finally:
        running.clear()
        old[0].join()
    assert failures == []
    assert signers == [f"CN=PostgreSQL host CA {version}" for version in (1, 2, 3)]
    # Whoever holds the first authority's key can no longer pass for the database.
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        host.connect(str(host.cluster.directory / "trusted-1.pem"))
    assert sorted(path.name for path in host.tls.glob("ca-*.pem")) == ["ca-3.pem", "ca-4.pem"]


def test_a_step_back_keeps_the_authority_and_a_leap_is_refused(host):
    host.certificates(2)
    server = (host.tls / "server.pem").read_bytes()
    host.certificates(1)
    assert (host.tls / "server.pem").read_bytes() == server
    with pytest.raises(RuntimeError, match="goes from version 2 to 4: change it by one"):
        host.certificates(4)
