"""A throw-away PostgreSQL cluster with the roles that the database host makes."""

import glob
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

from certificates import Authority

USERDATA = Path(__file__).resolve().parents[2] / "userdata"
OWNER_ROLE, SERVICE_ROLE = "app_owner", "app_rw"
# Their logins, at the first version of each password.
OWNER, SERVICE = "app_owner_1", "app_rw_1"


def login(role: str, version: int) -> dict:
    return {"username": f"{role}_{version}", "password": f"password {version} of {role}"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """One PostgreSQL server in a temporary directory, run by the user postgres where we are root."""

    def __init__(self, max_connections: int = 60) -> None:
        self.max_connections = max_connections
        found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
        if not found:
            raise RuntimeError("PostgreSQL's server is missing: install the package postgresql")
        newest = max(found, key=lambda path: int(re.search(r"/(\d+)/bin/", path)[1]))
        self.bin = Path(newest).parent
        self.directory = Path(tempfile.mkdtemp(prefix="django-on-ec2-postgres-"))
        self.port = free_port()
        self.give_to_postgres(self.directory)
        self._run(
            "initdb", "--pgdata=data", "--username=postgres", "--no-sync", "--data-checksums",
            "--auth-local=trust", "--auth-host=scram-sha-256",
            "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8",
        )  # fmt: skip
        authority = Authority()
        self.ca_file = self.directory / "ca.pem"
        self.ca_file.write_bytes(authority.pem)
        certificate, key = authority.issue("localhost")
        for name, content in (("server.crt", certificate), ("server.key", key)):
            path = self.directory / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            self.give_to_postgres(path)
        self.start()

    def give_to_postgres(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            for path in paths:
                shutil.chown(path, "postgres", "postgres")

    def configure(self, **parameters) -> None:
        """Changes parameters that need no restart."""
        with self.connect("postgres", "postgres") as connection:
            for name, value in parameters.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        with open(self.directory / "log", "ab") as log:
            result = subprocess.run(
                command, check=False, cwd=self.directory, stdout=log, stderr=subprocess.STDOUT
            )
        if result.returncode:
            text = (self.directory / "log").read_text()
            raise RuntimeError(f"{program} failed:\n{text}")

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.directory,
            "fsync": "off",
            "ssl": "on",
            "max_connections": self.max_connections,
            "reserved_connections": 3,
        }
        flags = " ".join(f"-c {name}={value}" for name, value in options.items())
        self._run(
            "pg_ctl", "start", "--wait", "--pgdata=data", "--log=server.log",
            f"--options=-p {self.port} {flags}",
        )  # fmt: skip

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--pgdata=data", "--mode=immediate")

    def remove(self) -> None:
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory)

    def connect(self, user: str, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.directory),
            port=self.port,
            user=user,
            dbname=database,
            autocommit=True,
        )

    def create_database(self, name: str) -> None:
        self.apply_logins(name, 1, 1)

    def apply_logins(self, database: str, owner_version: int, service_version: int) -> None:
        """Does what the database host does when a deployment tells it of these versions, or raises its complaint."""
        versions = {OWNER_ROLE: owner_version, SERVICE_ROLE: service_version}
        paths = []
        for role, version in versions.items():
            path = self.directory / f"{role}.json"
            path.write_text(json.dumps(self.role_secret(role, version, database)))
            paths.append(str(path))
        arguments = [database, *versions, *paths]
        made = subprocess.run(
            ["bash", "-euc", 'source lib/logins.sh; logins_sql "$@"', "bash", *arguments],
            cwd=USERDATA, check=True, capture_output=True,
        )  # fmt: skip
        address = ["--host", str(self.directory), "--port", str(self.port), "--username=postgres"]
        result = subprocess.run(
            [self.bin / "psql", "-qX", "-o", os.devnull, "-v", "ON_ERROR_STOP=1", *address, "postgres"],
            check=False, input=made.stdout, capture_output=True,
        )  # fmt: skip
        if result.returncode:
            raise RuntimeError(result.stderr.decode())

    def role_secret(self, role: str, version: int, database: str) -> dict:
        """The secret of a role, in the shape in which the hosts get it."""
        previous = {"previous": login(role, version - 1)} if version > 1 else {}
        # Over TCP, where passwords are asked for.
        place = {"dbname": database, "host": "127.0.0.1", "port": self.port}
        return {**login(role, version), **place, **previous}

    def secret(self, user: str, database: str) -> dict:
        """The secret to which a login belongs."""
        role, version = user.rsplit("_", 1)
        return self.role_secret(role, int(version), database)
