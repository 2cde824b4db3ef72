"""The activity log's table."""

from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from django.db import models

EventName = Literal[
    "account.signed_up",
    "account.signed_in",
    "account.sign_in_refused",
    "account.signed_out",
    "account.password_changed",
    "account.password_refused",
    "account.token_reused",
    "account.deleted",
    "account.locked",
    "account.unlocked",
    "account.sessions_ended",
    "task.created",
    "task.changed",
    "task.deleted",
    "fleet.resized",
]
EVENT_NAMES: tuple[str, ...] = get_args(EventName)
_PLAIN = ("event", "account", "object", "client", "request", "host", "details")


class Event(models.Model):
    """Something that was done. The service's role can add and read events, and nothing else: see the first migration.

    The id is made when it happens (UUID 7), so that it orders the log, and storing an event again adds nothing.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    at = models.DateTimeField()
    event = models.CharField(max_length=64)
    # Who did it, by id: no login is ever in a row. Empty where nobody has signed in.
    account = models.CharField(max_length=64, blank=True)
    # What it was done to: an account, a task or a group.
    object = models.CharField(max_length=255, blank=True)
    client = models.CharField(max_length=64, blank=True)
    request = models.CharField(max_length=128, blank=True)
    host = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = (
            models.Index(fields=["account", "-id"], name="activity_account_newest"),
            models.Index(fields=["object", "-id"], name="activity_object_newest"),
            models.Index(fields=["event", "-id"], name="activity_event_newest"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.event} {self.object}"

    def count_again(self) -> None:
        """Has it stand for one more time."""
        self.details["times"] = self.details.get("times", 1) + 1

    def to_document(self) -> dict[str, Any]:
        """The event as JSON has it, on its way to the table."""
        members = {name: getattr(self, name) for name in _PLAIN}
        return {"id": str(self.id), "at": self.at.isoformat(), **members}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Event":
        """The event of to_document(). ValueError, TypeError or KeyError if it is none."""
        members = {name: document[name] for name in _PLAIN}
        at = datetime.fromisoformat(document["at"])
        return cls(id=UUID(document["id"]), at=at, **members)
