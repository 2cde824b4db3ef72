"""Accounts as S3 objects, one each, changed by conditional writes only.

No database is involved, so that signing up and in works while the database is down, on every host alike.
"""

import hashlib
import hmac
import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, environment
from core.problems import Unavailable

PREFIX = "accounts/v1/"
ATTEMPTS = 5
BACKOFF_SECONDS = 0.05

logger = logging.getLogger(__name__)


class StoreUnavailable(Unavailable):
    default_code = "accounts_unavailable"
    default_detail = "The account store does not answer. Try again."


class AccountExists(Exception):
    """Another account has this key."""


class AccountMissing(Exception):
    """No account has this key."""


class _Condition(TypedDict, total=False):
    """What must hold for a write to happen."""

    IfNoneMatch: str
    IfMatch: str


class _Refused(Exception):
    """S3 refused a conditional write: something else was written first, or at the same time."""

    def __init__(self, status: int) -> None:
        self.status = status


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _write_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Account:
    """The content of an account object. The login is not in it, in no form."""

    password_hash: str
    role: str = "user"
    # What refresh tokens are compared with; raising it revokes all of them.
    token_version: int = 1
    created_at: str = field(default_factory=_now)
    # Tells one's own write from another's, when a reply was lost and the retry is refused.
    write_id: str = field(default_factory=_write_id)
    # What a newer version of this service has stored besides: kept while both versions run.
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: bytes) -> "Account":
        members = json.loads(body)
        known = {f.name for f in fields(cls)} - {"other"}
        other = {name: members.pop(name) for name in members.keys() - known}
        return cls(**members, other=other)

    def to_json(self) -> bytes:
        members = asdict(self)
        return json.dumps(members.pop("other") | members).encode()


def account_key(normalized_login: str) -> str:
    """The account's id: keyed, so that nobody can test names against a list of objects."""
    pepper = environment.current().login_pepper
    return hmac.new(pepper, normalized_login.encode(), hashlib.sha256).hexdigest()


def read(key: str) -> Account:
    """Reads an account; AccountMissing if there is none."""
    return _read(key)[0]


def create(key: str, account: Account) -> None:
    """Stores a new account; AccountExists if the key is taken."""
    for attempt in range(ATTEMPTS):
        try:
            return _put(key, account, IfNoneMatch="*")
        except _Refused as refused:
            if refused.status == 412:
                if _holds(key, account):
                    return None
                raise AccountExists from refused
        _back_off(attempt)
    raise StoreUnavailable()


def change(key: str, update: Callable[[Account], Account]) -> Account:
    """Applies a change to what is stored, again if another change came first."""
    write_id = _write_id()
    for attempt in range(ATTEMPTS):
        current, etag = _read(key)
        if current.write_id == write_id:
            return current
        updated = update(current)
        if updated == current:
            return current
        updated = replace(updated, write_id=write_id)
        try:
            _put(key, updated, IfMatch=etag)
            return updated
        except _Refused:
            _back_off(attempt)
    raise StoreUnavailable()


def check() -> None:
    """Raises unless the bucket answers."""
    aws.s3().head_bucket(Bucket=environment.current().account_bucket)


def _holds(key: str, account: Account) -> bool:
    try:
        return read(key).write_id == account.write_id
    except AccountMissing:
        return False


def _read(key: str) -> tuple[Account, str]:
    try:
        response = aws.s3().get_object(
            Bucket=environment.current().account_bucket, Key=_object_key(key)
        )
        body = response["Body"].read()
    except ClientError as error:
        if _status(error) == 404:
            raise AccountMissing from error
        raise _unavailable(error) from error
    except BotoCoreError as error:
        raise _unavailable(error) from error
    return Account.from_json(body), response["ETag"]


def _put(key: str, account: Account, **condition: Unpack[_Condition]) -> None:
    try:
        aws.s3().put_object(
            Bucket=environment.current().account_bucket,
            Key=_object_key(key),
            Body=account.to_json(),
            ContentType="application/json",
            **condition,
        )
    except ClientError as error:
        match _status(error):
            case 409 | 412 as status:
                raise _Refused(status) from error
            case 404:
                raise AccountMissing from error
        raise _unavailable(error) from error
    except BotoCoreError as error:
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> StoreUnavailable:
    logger.error("account store: %s", error)
    return StoreUnavailable()


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _object_key(key: str) -> str:
    return f"{PREFIX}{key}.json"


def _back_off(attempt: int) -> None:
    # The jitter keeps writers that were refused together from meeting again.
    time.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))
