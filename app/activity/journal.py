"""What a worker has of its events in memory only, in a file of the host as well: when the worker is killed, another one reads
it and goes on from there.

The files are in memory themselves (systemd's RuntimeDirectory=), so that no disk is waited for: they outlive every process
of the service, but not the host. A worker holds a lock on its own file, which ends with it; whoever gets the lock of
another's file knows that its worker has ended.
"""

import fcntl
import json
import logging
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from activity.models import Event

# A line for each time that a refusal is counted again is the most of it: many minutes of the worst attack.
MAX_BYTES = 8 << 20

logger = logging.getLogger(__name__)


class Journal:
    """A worker's own file: a line for each event, and one with its id for each time that it is counted again."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._descriptor = -1
        self.replace([])

    def replace(self, events: Iterable[Event]) -> None:
        """Has the file hold these events and nothing else."""
        draft = _draft_of(self._path)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        # Before it has its name: nobody may find a file of a worker that lives without a lock.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(descriptor, b"".join(map(_line, events)))
        draft.replace(self._path)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor

    def add(self, event: Event) -> None:
        """Notes an event."""
        self._append(_line(event))

    def add_again(self, event: Event) -> None:
        """Notes that an event of the file has happened once more."""
        self._append(json.dumps(str(event.id)).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        if os.fstat(self._descriptor).st_size < MAX_BYTES:
            os.write(self._descriptor, line)

    def remove(self) -> None:
        """Ends it: nothing is in memory any more."""
        self._path.unlink()
        os.close(self._descriptor)

    def leave(self) -> None:
        """Leaves it to others."""
        os.close(self._descriptor)


def abandoned(directory: Path) -> Iterator[list[Event]]:
    """The events of each worker that has ended. Its file goes when the next one is asked for."""
    for path in directory.glob("[!.]*"):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            if path.stat().st_ino != os.fstat(file.fileno()).st_ino:
                # Its worker lives, and has replaced it at this moment.
                continue
            yield list(_events(file))
            _draft_of(path).unlink(missing_ok=True)
            path.unlink()


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}")


def _line(event: Event) -> bytes:
    return json.dumps(event.to_document()).encode() + b"\n"


def _events(lines: Iterable[bytes]) -> Iterator[Event]:
    found: dict[str, Event] = {}
    for line in lines:
        if not line.endswith(b"\n"):
            # Its worker was killed in the middle of it.
            break
        try:
            entry = json.loads(line)
            if isinstance(entry, str):
                found[entry].count_again()
            else:
                found[entry["id"]] = Event.from_document(entry)
        except (ValueError, TypeError, KeyError) as error:
            logger.error("activity: a worker left what cannot be read: %r: %s", line, error)
    yield from found.values()
