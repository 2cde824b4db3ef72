"""A throw-away PostgreSQL cluster with the roles that the database host makes."""

import glob
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg

from certificates import Authority

OWNER = "app_owner"
SERVICE = "app_rw"
PASSWORD = "not-a-secret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """One PostgreSQL server in a temporary directory, run by the user postgres where we are root."""

    def __init__(self) -> None:
        found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
        if not found:
            raise RuntimeError("PostgreSQL's server is missing: install the package postgresql")
        newest = max(found, key=lambda path: int(re.search(r"/(\d+)/bin/", path)[1]))
        self.bin = Path(newest).parent
        self.directory = Path(tempfile.mkdtemp(prefix="django-on-ec2-postgres-"))
        self.port = free_port()
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        self._run(
            "initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--no-sync",
            "--encoding=UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        authority = Authority()
        self.ca_file = self.directory / "ca.pem"
        self.ca_file.write_bytes(authority.pem)
        certificate, key = authority.issue("localhost")
        for name, content in (("server.crt", certificate), ("server.key", key)):
            path = self.directory / "data" / name
            path.write_bytes(content)
            path.chmod(0o600)
            if os.geteuid() == 0:
                shutil.chown(path, "postgres", "postgres")
        self.start()
        with self.connect("postgres", "postgres") as connection:
            for role in (OWNER, SERVICE):
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")

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
            "max_connections": 60,
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
        with self.connect("postgres", "postgres") as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        with self.connect(OWNER, name) as connection:
            connection.execute(
                f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {SERVICE}"
            )

    def secret(self, user: str, database: str) -> dict:
        """The secret of a role, in the shape in which the hosts get it."""
        return {
            "username": user,
            "password": PASSWORD,
            "dbname": database,
            "host": str(self.directory),
            "port": self.port,
        }
