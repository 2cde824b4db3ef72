"""JSON documents in the account bucket, written under conditions only.

S3 refuses a write with 412 when its condition does not hold, and with 409 when another write of the object is under way.
Only the code NoSuchKey means that an object is missing: a missing bucket is 404 as well, and a missing key is 403 for
whoever may not list the bucket. Neither tells anything about the object.
"""

import json
import logging
import random
import time
from collections.abc import Callable
from typing import Any, TypedDict, Unpack

from botocore.exceptions import BotoCoreError, ClientError

from core import aws, environment
from core.problems import Unavailable

ATTEMPTS = 6
BACKOFF_SECONDS = 0.05

Document = dict[str, Any]

logger = logging.getLogger(__name__)


class StoreUnavailable(Unavailable):
    default_code = "accounts_unavailable"
    default_detail = "The account store does not answer. Try again."


class Missing(Exception):
    """There is no such object."""


class Refused(Exception):
    """Something else was written first, or at the same time."""


class Condition(TypedDict, total=False):
    """What must hold for a write to happen."""

    IfNoneMatch: str
    IfMatch: str


def read(key: str) -> tuple[Document, str]:
    """An object and its ETag."""
    try:
        response = aws.s3().get_object(Bucket=environment.current().account_bucket, Key=key)
        with response["Body"] as stream:
            body = stream.read()
    except (ClientError, BotoCoreError) as error:
        raise _meaning(error) from error
    document: Document = json.loads(body)
    return document, response["ETag"]


def write(key: str, document: Document, **condition: Unpack[Condition]) -> None:
    """Writes an object if the condition holds."""
    try:
        aws.s3().put_object(
            Bucket=environment.current().account_bucket,
            Key=key,
            Body=json.dumps(document).encode(),
            ContentType="application/json",
            **condition,
        )
    except (ClientError, BotoCoreError) as error:
        raise _meaning(error) from error


def update(key: str, change: Callable[[Document | None], Document | None]) -> Document | None:
    """Writes what the change makes of what is there, again while other writes come first. None changes nothing."""
    for attempt in range(ATTEMPTS):
        current: Document | None = None
        etag = ""
        try:
            current, etag = read(key)
        except Missing:
            pass
        changed = change(current)
        if changed is None or changed == current:
            return current
        try:
            if current is None:
                write(key, changed, IfNoneMatch="*")
            else:
                write(key, changed, IfMatch=etag)
            return changed
        except (Refused, Missing):
            # The jitter keeps writers that were refused together from meeting again.
            time.sleep(random.uniform(0, BACKOFF_SECONDS * 2**attempt))
    raise StoreUnavailable()


def keys(prefix: str, after: str, limit: int) -> list[str]:
    """The first keys of a prefix that come after one, in order."""
    try:
        listed = aws.s3().list_objects_v2(
            Bucket=environment.current().account_bucket,
            Prefix=prefix,
            StartAfter=after,
            MaxKeys=limit,
        )
    except (ClientError, BotoCoreError) as error:
        raise _meaning(error) from error
    return [entry["Key"] for entry in listed.get("Contents", [])]


def check() -> None:
    """Raises unless the bucket answers."""
    aws.s3().head_bucket(Bucket=environment.current().account_bucket)


def _meaning(error: ClientError | BotoCoreError) -> Exception:
    if isinstance(error, ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status in (409, 412):
            return Refused()
        if error.response["Error"]["Code"] == "NoSuchKey":
            return Missing()
    logger.error("account store: %s", error)
    return StoreUnavailable()
