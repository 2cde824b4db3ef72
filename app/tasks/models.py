"""Tasks."""

import secrets
import time
import uuid

from django.db import models


def uuid7() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562): new rows go to the end of the index, and the id orders the list."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62))


class Task(models.Model):
    """One thing to do. It belongs to an account, which the database knows by key only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.CharField(max_length=64, editable=False)
    title = models.CharField(max_length=200)
    done = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        # The list of one owner, newest first, a page at a time.
        indexes = (models.Index(fields=["owner", "-id"], name="tasks_owner_newest"),)

    def __str__(self) -> str:
        return self.title
