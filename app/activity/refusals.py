"""Refusals, of which anyone can have as many as they like: counted, so that they cost no more than a few would."""

import time
from collections.abc import Iterator

from activity.models import Event

# How often what was counted is stored. The first refusal after a pause is stored at once.
INTERVAL_SECONDS = 10.0
# Kinds of refusals that are counted apart: by account, client and reason. Beyond these, by reason only.
MAX_KINDS = 500

_Kind = tuple[str, str, str, str, str]


class Refusals:
    """What one worker process has refused and not yet stored."""

    def __init__(self) -> None:
        self._counted: dict[_Kind, Event] = {}
        self._taken = float("-inf")

    def __len__(self) -> int:
        return len(self._counted)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._counted.values())

    def add(self, event: Event) -> Event:
        """Counts a refusal. The event that stands for it: an earlier one, or itself."""
        kind = _kind(event)
        if kind not in self._counted and len(self._counted) >= MAX_KINDS:
            event.account = event.object = event.client = ""
            kind = _kind(event)
        counted = self._counted.setdefault(kind, event)
        if counted is not event:
            counted.count_again()
        return counted

    def due(self) -> list[Event]:
        """What is to be stored now, an event for each kind."""
        return self.take() if time.monotonic() - self._taken >= INTERVAL_SECONDS else []

    def take(self) -> list[Event]:
        """Everything that was counted."""
        counted, self._counted = list(self._counted.values()), {}
        if counted:
            self._taken = time.monotonic()
        return counted


def _kind(event: Event) -> _Kind:
    return event.event, event.account, event.object, event.client, event.details["reason"]
