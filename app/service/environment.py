"""What the process is given: environment variables and the credentials directory, checked as a whole."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

# The output size of SHA-256: shorter keys would weaken what is signed with them.
MIN_KEY_BYTES = 32


@dataclass(frozen=True)
class Environment:
    """The checked configuration of one process."""

    secret_key: str
    login_pepper: bytes
    token_keys: Mapping[str, bytes]
    database: Mapping[str, Any]
    database_ca_file: str
    database_pool_size: int
    account_bucket: str
    region: str
    allowed_hosts: list[str]
    instance_id: str


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

    def file(self, name: str) -> str:
        value = self.environ.get(name, "")
        if value and not Path(value).is_file():
            self.problems.append(f"{name} names {value}, which is not a file: put it there")
        return value

    def credential(self, directory: str, name: str, keys: tuple[str, ...]) -> dict:
        if not directory:
            return {}
        path = Path(directory, name)
        try:
            value = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {path} cannot be read as JSON ({type(error).__name__}): "
                "write the secret's value there"
            )
            return {}
        missing = [key for key in keys if key not in value]
        if missing:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {path} lacks {', '.join(missing)}: "
                "write the whole value of the secret there"
            )
            return {}
        return value

    def key(self, name: str, value: str) -> bytes:
        encoded = value.encode()
        if len(encoded) < MIN_KEY_BYTES:
            self.problems.append(
                f"CREDENTIALS_DIRECTORY: {name} in service.json has {len(encoded)} bytes: "
                f"generate at least {MIN_KEY_BYTES}"
            )
        return encoded


def read_environment(environ: Mapping[str, str]) -> Environment:
    """Reads the configuration, or raises one error that names every fault and its remedy."""
    reader = _Reader(environ)
    directory = reader.variable(
        "CREDENTIALS_DIRECTORY",
        "give the directory that holds service.json and database.json "
        "(systemd's LoadCredential= sets it)",
    )
    service = reader.credential(
        directory, "service.json", ("secretKey", "loginPepper", "tokenKeys")
    )
    database = reader.credential(
        directory, "database.json", ("username", "password", "dbname", "host", "port")
    )
    token_keys = {
        entry["kid"]: reader.key(f"tokenKeys {entry['kid']}", entry["key"])
        for entry in service.get("tokenKeys", [])
    }
    if service and not token_keys:
        reader.problems.append(
            "CREDENTIALS_DIRECTORY: tokenKeys in service.json is empty: give at least one key"
        )
    result = Environment(
        secret_key=service.get("secretKey", ""),
        login_pepper=reader.key("loginPepper", service["loginPepper"]) if service else b"",
        token_keys=token_keys,
        database=database,
        database_ca_file=reader.file("DATABASE_CA_FILE"),
        database_pool_size=reader.number("DATABASE_POOL_SIZE"),
        account_bucket=reader.variable(
            "ACCOUNT_BUCKET", "give the name of the bucket that holds the accounts"
        ),
        region=reader.variable("AWS_REGION", "give the region of the account bucket"),
        allowed_hosts=[
            re.sub(r":\d+$", "", host) for host in environ.get("ALLOWED_HOSTS", "").split()
        ],
        instance_id=environ.get("INSTANCE_ID", ""),
    )
    if reader.problems:
        faults = "".join(f"\n- {problem}" for problem in reader.problems)
        raise ImproperlyConfigured(f"The service cannot start:{faults}")
    return result
