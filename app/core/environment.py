"""What the process is given: environment variables and the credentials directory, checked as a whole."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# The output size of SHA-256: shorter keys would weaken what is signed with them.
MIN_KEY_BYTES = 32


@dataclass(frozen=True)
class Environment:
    """The checked configuration of one process."""

    secret_key: str
    token_keys: Mapping[str, bytes]
    database: Mapping[str, Any]
    database_ca_file: str
    # 0 in management commands, which connect directly.
    database_pool_size: int
    account_bucket: str
    region: str
    allowed_hosts: list[str]
    instance_id: str
    # Where a process leaves what the others of its host find when it is killed.
    runtime_directory: str
    legacy_routes: bool
    # Whose pages may ask the API from a browser.
    cors_origins: list[str]


class _Reader:
    """Reads values and collects what is wrong with them, so that one error can name it all."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def variable(self, name: str, remedy: str) -> str:
        value = self.environ.get(name, "")
        if not value:
            self.problems.append(f"{name} is not set: {remedy}")
        return value

    def number(self, name: str) -> int:
        value = self.environ.get(name) or "0"
        if not value.isdecimal():
            self.problems.append(f"{name} is {value!r}: give a whole number")
            return 0
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.environ.get(name) or "false"
        if value not in ("true", "false"):
            self.problems.append(f"{name} is {value!r}: give true or false")
        return value == "true"

    def origins(self, name: str) -> list[str]:
        values = self.environ.get(name, "").split()
        for value in values:
            if not re.fullmatch(r"https?://[^/?#]+", value):
                self.problems.append(
                    f"{name} has {value!r}: give scheme, name and port, such as https://app.acme.co"
                )
        return values

    def file(self, name: str) -> str:
        value = self.environ.get(name, "")
        if value and not Path(value).is_file():
            self.problems.append(f"{name} names {value}, which is not a file: put it there")
        return value

    def credential(self, directory: str, name: str, keys: tuple[str, ...]) -> dict[str, Any]:
        """The JSON object of a credential; empty after a fault."""
        if not directory:
            return {}
        path = Path(directory, name)
        try:
            value: dict[str, Any] = json.loads(path.read_text())
            missing = [key for key in keys if value.get(key) is None]
        except (OSError, ValueError, AttributeError) as error:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {path} cannot be read as a JSON object "
                f"({type(error).__name__}): write the secret's value there"
            )
            return {}
        if missing:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {path} lacks {', '.join(missing)}: "
                "write the whole value of the secret there"
            )
            return {}
        return value

    def key(self, name: str, value: object) -> bytes:
        encoded = value.encode() if isinstance(value, str) else b""
        if len(encoded) < MIN_KEY_BYTES:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {name} in service.json is not a text of at least "
                f"{MIN_KEY_BYTES} bytes: generate one"
            )
        return encoded

    def token_keys(self, entries: Any) -> dict[str, bytes]:
        try:
            keys = {str(entry["kid"]): entry["key"] for entry in entries}
        except (TypeError, KeyError):
            keys = {}
        if not keys:
            self.problems.append(
                "CREDENTIALS_DIRECTORY: tokenKeys in service.json is not a list of at least one "
                '{"kid": …, "key": …}: generate one'
            )
        return {kid: self.key(f"the key {kid} of tokenKeys", key) for kid, key in keys.items()}


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Reads the configuration, or raises one error that names every fault and its remedy."""
    reader = _Reader(environ)
    directory = reader.variable(
        "CREDENTIALS_DIRECTORY",
        "give the directory that holds service.json and database.json "
        "(systemd's LoadCredential= sets it)",
    )
    service = reader.credential(directory, "service.json", ("secretKey", "tokenKeys"))
    database = reader.credential(
        directory, "database.json", ("username", "password", "dbname", "host", "port")
    )
    secret_key = b""
    token_keys: dict[str, bytes] = {}
    if service:
        secret_key = reader.key("secretKey", service["secretKey"])
        token_keys = reader.token_keys(service["tokenKeys"])
    account_bucket = reader.variable(
        "ACCOUNT_BUCKET", "give the name of the bucket that holds the accounts"
    )
    region = reader.variable("AWS_REGION", "give the region of the account bucket")
    ca_file = reader.file("DATABASE_CA_FILE")
    pool_size = reader.number("DATABASE_POOL_SIZE")
    legacy_routes = reader.flag("LEGACY_ROUTES")
    cors_origins = reader.origins("CORS_ORIGINS")
    allowed_hosts = environ.get("ALLOWED_HOSTS", "")
    instance_id = environ.get("INSTANCE_ID", "")
    runtime_directory = environ.get("RUNTIME_DIRECTORY", "")
    if pool_size:
        # Management commands do without these.
        reader.variable("ALLOWED_HOSTS", "give the names that clients use, separated by spaces")
        reader.variable("INSTANCE_ID", "give the id of this host")
        reader.variable(
            "RUNTIME_DIRECTORY",
            "give a directory in memory that outlives the process (systemd's RuntimeDirectory= sets it)",
        )
    if reader.problems:
        faults = "".join(f"\n- {problem}" for problem in reader.problems)
        raise ImproperlyConfigured(f"The service cannot start:{faults}")
    return Environment(
        secret_key=secret_key.decode(),
        token_keys=token_keys,
        database=database,
        database_ca_file=ca_file,
        database_pool_size=pool_size,
        account_bucket=account_bucket,
        region=region,
        allowed_hosts=[re.sub(r":\d+$", "", host) for host in allowed_hosts.split()],
        instance_id=instance_id,
        runtime_directory=runtime_directory,
        legacy_routes=legacy_routes,
        cors_origins=cors_origins,
    )


@cache
def current() -> Environment:
    """The configuration of this process."""
    return read_environment(os.environ)
