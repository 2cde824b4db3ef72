"""Identifiers that tell when they were made."""

import secrets
import time
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562): new rows go to the end of the index."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def repeatable_id(moment: datetime, name: str) -> uuid.UUID:
    """The time-ordered UUID of something that is told by its name: the same whenever it is asked for."""
    digest = uuid.uuid5(uuid.NAMESPACE_OID, name).int & (1 << 76) - 1
    return uuid.UUID(int=first_id_at(moment).int | 0x7 << 76 | digest)


def first_id_at(moment: datetime) -> uuid.UUID:
    """Not above any time-ordered UUID of that moment or later, and above all that are older."""
    milliseconds = -((_EPOCH - moment) // timedelta(milliseconds=1))
    return uuid.UUID(int=max(milliseconds, 0) << 80)


def time_of(identifier: uuid.UUID) -> datetime:
    """When a time-ordered UUID was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=identifier.int >> 80)
