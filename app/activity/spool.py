"""Events on their way to the database, by way of the bucket.

A request writes its event as an object and does not ask the database. A thread of each worker moves what is in the bucket
into the database, then deletes it there. Whatever ends in between, the next one does the same again: an event is the same
row however often it is stored, so nothing is lost and nothing is there twice. Workers need not agree on whose turn it is.

While the bucket does not answer, events wait in memory for it or the database, and refusals are counted in memory: see
activity.refusals. What is in memory of a worker that is killed, the others of its host find: see activity.journal. What is
left when the host itself is lost is the structured log.

What PostgreSQL will never take is set aside, in the bucket and with an error in the log: it must not hold up the rest.
"""

import json
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from django.db import DataError, IntegrityError, connection
from django.db import Error as DatabaseError

from activity import journal, refusals
from activity.models import Event
from activity.signals import housekeeping
from core import aws, environment
from core.identifiers import uuid7

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import ObjectIdentifierTypeDef

PREFIX = "activity/"
SET_ASIDE = f"{PREFIX}refused/"
# Objects that are moved at once.
BATCH = 100
# How soon what did not work is tried again, and how soon the objects of a host that has ended are found.
RETRY_SECONDS = 5.0
SWEEP_SECONDS = 300.0
HOUSEKEEPING_SECONDS = 3600.0
# Events that wait in memory; of more than these only the lines in the log remain.
MAX_WAITING = 10_000

logger = logging.getLogger(__name__)

# Another attempt would be refused as well.
_UNFIT = (DataError, IntegrityError, UnicodeError)


class Spool:
    """What one worker process does with its events."""

    def __init__(self) -> None:
        # Holds together what is in memory and what the journal has of it.
        self.lock = threading.RLock()
        self.waiting: deque[Event] = deque()
        self.refusals = refusals.Refusals()
        self.journal: journal.Journal | None = None
        self.bucket_away = False
        self.ending = False
        self.wake = threading.Event()
        self.thread: threading.Thread | None = None

    def put(self, event: Event) -> None:
        """Stores an event in the bucket before the request is answered; in memory while the bucket does not answer."""
        if not self.bucket_away:
            try:
                write([event])
            except (BotoCoreError, ClientError) as error:
                logger.error("activity: the bucket does not take an event: %s", error)
                self.bucket_away = True
        if self.bucket_away:
            self._remember(event)
        self.wake.set()

    def count(self, event: Event) -> None:
        """Notes a refusal, to be stored soon with those that are like it."""
        with self.lock:
            counted = self.refusals.add(event)
            if counted is event:
                self._note(lambda own: own.add(event))
            else:
                self._note(lambda own: own.add_again(counted))
            first = counted is event and len(self.refusals) == 1
        if first:
            self.wake.set()

    def _remember(self, event: Event) -> None:
        with self.lock:
            if self._wait(event):
                self._note(lambda own: own.add(event))

    def _wait(self, event: Event) -> bool:
        if len(self.waiting) < MAX_WAITING:
            self.waiting.append(event)
            return True
        logger.error("activity: no more events are kept: %s is in the log only", event.id)
        return False

    def _note(self, note: Callable[[journal.Journal], None]) -> None:
        """Writes to the journal. Whoever asks must not be kept waiting, or refused, because that fails."""
        try:
            if self.journal:
                note(self.journal)
        except OSError as error:
            logger.error("activity: the journal takes nothing: %s", error)

    def start(self) -> None:
        """Begins to move events to the database, until stop(), and looks after those of workers that have ended."""
        try:
            self.journal = journal.Journal(_directory())
        except OSError as error:
            logger.error("activity: there is no journal: %s", error)
        self.thread = threading.Thread(target=self._work, name="activity", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Ends, after a last attempt to store what is in memory."""
        self.ending = True
        self.wake.set()
        if self.thread:
            self.thread.join()
        self._take(self.refusals.take)
        if self.waiting:
            self._try(self._empty_memory)
        if self.journal and self.waiting:
            self.journal.leave()
        elif self.journal:
            self._note(lambda own: own.remove())

    def _work(self) -> None:
        # Workers that start together sweep at different times.
        pause = random.uniform(0, RETRY_SECONDS)
        kept = -HOUSEKEEPING_SECONDS
        while not self.ending:
            self.wake.wait(pause)
            self.wake.clear()
            moved = self.move()
            pause = SWEEP_SECONDS if moved else RETRY_SECONDS
            if self.refusals:
                pause = min(pause, refusals.INTERVAL_SECONDS)
            due = time.monotonic() - kept >= HOUSEKEEPING_SECONDS
            if moved and due and self._try(keep_house):
                kept = time.monotonic()

    def move(self) -> bool:
        """Moves everything to the database. False if something keeps it from that."""
        self._take(self.refusals.due)
        if self.journal:
            self._adopt()
        return self._try(self._empty_memory) and self._try(self._drain)

    def _take(self, take: Callable[[], list[Event]]) -> None:
        """Has what was counted wait with the rest. The journal has it already."""
        with self.lock:
            for event in take():
                self._wait(event)

    def _adopt(self) -> None:
        """Makes the events of workers of this host that were killed one's own."""
        try:
            for events in journal.abandoned(_directory()):
                for event in events:
                    self._remember(event)
                if events:
                    logger.warning("activity: %d events of a worker that has ended", len(events))
        except OSError as error:
            logger.error("activity: the journals of others cannot be read: %s", error)

    def _drain(self) -> None:
        drain()
        self.bucket_away = False

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
            return True
        except (BotoCoreError, ClientError) as error:
            self.bucket_away = True
            logger.warning("activity: the bucket does not answer: %s", error)
        except DatabaseError as error:
            # In the bucket, events are as safe, and nobody waits for the database.
            self.bucket_away = False
            logger.warning("activity: the database does not answer: %s", error)
        except Exception:
            # The thread must outlive whatever this is.
            logger.exception("activity: events wait")
        finally:
            connection.close()
        return False

    def _empty_memory(self) -> None:
        """To the database; to the bucket if that is away."""
        events = list(self.waiting)
        if not events:
            return
        try:
            insert(events)
        except (DatabaseError, UnicodeError):
            write(events)
        with self.lock:
            for _ in events:
                self.waiting.popleft()
            self._note(lambda own: own.replace([*self.waiting, *self.refusals]))


def _directory() -> Path:
    return Path(environment.current().runtime_directory)


_spool = Spool()
put, count, start, stop = _spool.put, _spool.count, _spool.start, _spool.stop


def write(events: Iterable[Event], key: str = "") -> None:
    """Puts events into one object of the bucket, a new one unless its key is given."""
    documents = [event.to_document() for event in events]
    aws.s3().put_object(
        Bucket=environment.current().account_bucket,
        Key=key or f"{PREFIX}{uuid7()}.json",
        Body=json.dumps(documents).encode(),
        ContentType="application/json",
    )


def keep_house() -> None:
    """What is due now and then: old events go, and others get to do the like."""
    prune()
    housekeeping.send(sender=Spool)
    listing = aws.s3().list_objects_v2(
        Bucket=environment.current().account_bucket, Prefix=SET_ASIDE
    )
    if count := listing["KeyCount"]:
        more = " or more" if listing["IsTruncated"] else ""
        logger.error("activity: %d%s objects are set aside under %s", count, more, SET_ASIDE)


def prune() -> None:
    """Deletes events that are older than the owner of the table wants them, the only ones that the service can delete."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT activity_prune()")
            if cursor.fetchone() == (0,):
                return


def insert(events: list[Event]) -> None:
    """Stores events in the database, except for those that are there."""
    Event.objects.bulk_create(events, ignore_conflicts=True)


def drain() -> None:
    """Moves what is in the bucket to the database, the oldest first."""
    bucket = environment.current().account_bucket
    after = ""
    with ThreadPoolExecutor(4, "activity-read") as readers:
        while True:
            listing = aws.s3().list_objects_v2(
                Bucket=bucket, Prefix=PREFIX, Delimiter="/", StartAfter=after, MaxKeys=BATCH
            )
            listed = listing.get("Contents", [])
            if not listed:
                return
            keys = [entry["Key"] for entry in listed]
            after = keys[-1]
            found = [one for one in readers.map(_read, keys) if one]
            if not found:
                continue
            try:
                insert([event for _, events in found for event in events])
            except _UNFIT:
                for name, events in found:
                    _insert_each(name["Key"], events)
            # Only now: whatever happens before is done again by the next one.
            deleted = aws.s3().delete_objects(
                Bucket=bucket, Delete={"Objects": [one for one, _ in found], "Quiet": True}
            )
            for error in deleted.get("Errors", []):
                logger.error("activity: %s is not deleted: %s", error["Key"], error["Code"])


def _insert_each(key: str, events: list[Event]) -> None:
    """Stores an object's events one by one, and sets aside those that the database refuses."""
    refused = []
    for event in events:
        try:
            insert([event])
        except _UNFIT as error:
            refused.append(event)
            logger.error("activity: the database refuses event %s of %s: %s", event.id, key, error)
    if refused:
        write(refused, key.replace(PREFIX, SET_ASIDE, 1))


def _read(key: str) -> tuple["ObjectIdentifierTypeDef", list[Event]] | None:
    """An object's events, and what names the object; none if another has moved it, or cannot be understood."""
    try:
        response = aws.s3().get_object(Bucket=environment.current().account_bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    with response["Body"] as stream:
        body = stream.read()
    name: ObjectIdentifierTypeDef = {"Key": key}
    if version := response.get("VersionId"):
        # The bucket keeps earlier versions: without its version an object would only be hidden.
        name["VersionId"] = version
    try:
        return name, [Event.from_document(document) for document in json.loads(body)]
    except (ValueError, TypeError, KeyError) as error:
        # Left for a version of this service that understands it.
        logger.error("activity: %s cannot be read: %s", key, error)
        return None
