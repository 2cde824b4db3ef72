"""`manage.py migrate_locked`: `migrate`, by one runner at a time."""

import time
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.backends.utils import CursorWrapper

# Any constant will do, as long as it stays the same and nothing else in the database uses it.
LOCK_ID = 0x646A616E676F  # "django"
POLL_SECONDS = 0.5


class Command(BaseCommand):
    help = "Applies migrations while holding an advisory lock, so that concurrent runs queue up."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--wait", type=float, default=300, help="Seconds to wait for the lock.")

    def handle(self, *args: object, wait: float, **options: Any) -> None:
        # The lock is held by the very session that migrates: should it break, both end together.
        try:
            with connection.cursor() as cursor:
                self._lock(cursor, time.monotonic() + wait)
                call_command("migrate", interactive=False, verbosity=options["verbosity"])
        finally:
            connection.close()

    def _lock(self, cursor: CursorWrapper, deadline: float) -> None:
        while True:
            # Asked again and again instead of waiting inside PostgreSQL, where the waiting statement's
            # snapshot would block a CREATE INDEX CONCURRENTLY of the runner that holds the lock.
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_ID])
            if cursor.fetchone()[0]:
                return
            if time.monotonic() > deadline:
                raise CommandError(
                    "Another run holds the migration lock. Let it end, or find and end its session in pg_locks "
                    "(locktype = 'advisory'), then run this again."
                )
            time.sleep(POLL_SECONDS)
