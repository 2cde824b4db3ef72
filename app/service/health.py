"""Health: is the process alive, and could this host serve everything?"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts import store

logger = logging.getLogger(__name__)

_executor = ThreadPoolExecutor(max_workers=3, thread_name_prefix="readiness")


Check = dict[str, bool | str]


def readiness() -> dict[str, Check]:
    """The result of each check. Each is bounded in time, whatever hangs."""
    checks: list[tuple[str, Callable[[], None], float]] = [
        ("database", _check_database, 1.0),
        ("accounts", store.check, 2.0),
        ("migrations", _check_migrations, 2.0),
    ]
    started = time.monotonic()
    futures = [(name, _executor.submit(check), limit) for name, check, limit in checks]
    # They run side by side: each limit counts from the common start, and the longest bounds the whole.
    return {
        name: _result(name, future, limit, started + limit - time.monotonic())
        for name, future, limit in futures
    }


def _result(name: str, future: Future[None], limit: float, left: float) -> Check:
    try:
        error = future.exception(max(left, 0))
    except TimeoutError:
        future.cancel()
        return {"ok": False, "reason": f"no answer within {limit:g} s"}
    if error is None:
        return {"ok": True}
    logger.warning("readiness: %s: %s", name, error)
    return {"ok": False, "reason": type(error).__name__}


def _check_database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()


class UnappliedMigrations(Exception):
    """The database lacks what this code expects."""


_migrated = False


def _check_migrations() -> None:
    # What has been applied stays applied, so a positive answer is asked for once.
    global _migrated
    if _migrated:
        return
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    finally:
        connection.close()
    if plan:
        raise UnappliedMigrations(", ".join(str(migration) for migration, _ in plan))
    _migrated = True
