"""The changes of tasks, each one statement with its event: atomic by itself, and one round trip.

A statement answers with the task as it changed it, and with the task as it was before, which tells why the first is
missing. If neither explains the other, another request came in between, and the statement is asked again.
"""

from typing import Any
from uuid import UUID

from django.db import connection
from rest_framework.exceptions import APIException, NotFound

from activity import log, statement
from activity.models import Event, EventName
from core.identifiers import uuid7
from core.problems import Unavailable
from tasks.models import Task

# How often other requests may come in between.
ATTEMPTS = 5

Versions = list[int] | None


class PreconditionFailed(APIException):
    status_code = 412
    default_code = "precondition_failed"
    default_detail = "The task is not, or no longer, what the request expects. Read it again."


class IdempotencyKeyReused(APIException):
    status_code = 422
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key came with another body before. Use a new one."


class Contended(Unavailable):
    default_code = "contended"
    default_detail = "Other requests change this task all the time. Try again."


_NAMES = (
    "id",
    "owner",
    "title",
    "done",
    "version",
    "created_at",
    "updated_at",
    "idempotency_key",
    "idempotency_digest",
)
_COLUMNS = ", ".join(_NAMES)
# Of two requests that change one task, the second one sees what the first has made of it.
_OWN = "id = %(id)s AND owner = %(owner)s"
_EXPECTED = "(%(versions)s::bigint[] IS NULL OR version = ANY (%(versions)s::bigint[]))"


def _sql(change: str, event: str) -> str:
    noted = statement.insertion(
        event,
        "changed.id::text",
        "jsonb_build_object('version', changed.version)",
        # A repeated request, which finds the task of the first one, changes nothing.
        "FROM changed WHERE changed.id = %(id)s",
    )
    return f"""
        WITH {change}, noted AS ({noted})
        SELECT 'changed', {_COLUMNS} FROM changed
        UNION ALL SELECT 'before', {_COLUMNS} FROM tasks_task WHERE id = %(id)s"""


# The key of a task that is older than a day is free again, before the insertion looks for it. Updating the key to what it
# is has the insertion answer with the task of the first request, even if that ends at this very moment.
_CREATE = _sql(
    f"""
    freed AS (
        UPDATE tasks_task SET idempotency_key = NULL, idempotency_digest = NULL
        WHERE owner = %(owner)s AND idempotency_key IS NOT NULL AND %(key)s::text IS NOT NULL
            AND created_at < now() - interval '1 day'
        RETURNING id
    ), changed AS (
        INSERT INTO tasks_task ({_COLUMNS})
        SELECT %(id)s, %(owner)s, %(title)s, %(done)s, 1, now(), now(), %(key)s, %(digest)s
        FROM (SELECT count(*) FROM freed) AS first
        ON CONFLICT (owner, idempotency_key) WHERE idempotency_key IS NOT NULL
            DO UPDATE SET idempotency_key = EXCLUDED.idempotency_key
        RETURNING {_COLUMNS}
    )""",
    "'task.created'",
)

_PUT = _sql(
    f"""
    changed AS (
        INSERT INTO tasks_task AS task ({_COLUMNS})
        VALUES (%(id)s, %(owner)s, %(title)s, %(done)s, 1, now(), now(), NULL, NULL)
        ON CONFLICT (id) DO UPDATE
            SET title = EXCLUDED.title, done = EXCLUDED.done, version = task.version + 1,
                updated_at = clock_timestamp()
            WHERE task.owner = EXCLUDED.owner AND %(may_replace)s
                AND (task.title, task.done) IS DISTINCT FROM (EXCLUDED.title, EXCLUDED.done)
        RETURNING {_COLUMNS}
    )""",
    "CASE changed.version WHEN 1 THEN 'task.created' ELSE 'task.changed' END",
)

_PATCH = _sql(
    f"""
    changed AS (
        UPDATE tasks_task
        SET title = coalesce(%(title)s, title), done = coalesce(%(done)s, done),
            version = version + 1, updated_at = clock_timestamp()
        WHERE {_OWN} AND {_EXPECTED}
            AND (title, done) IS DISTINCT FROM (coalesce(%(title)s, title), coalesce(%(done)s, done))
        RETURNING {_COLUMNS}
    )""",
    "'task.changed'",
)

_DELETE = _sql(
    f"""
    changed AS (
        DELETE FROM tasks_task WHERE {_OWN} AND {_EXPECTED}
        RETURNING {_COLUMNS}
    )""",
    "'task.deleted'",
)


def create(event: Event, title: str, done: bool, key: str | None, digest: str) -> Task:
    """Adds a task; with the key of an earlier request and the same body, answers with the task of that one."""
    identifier = uuid7()
    task, _ = _ask(
        _CREATE, event, identifier, title=title, done=done, key=key, digest=key and digest
    )
    assert task is not None
    if task.id == identifier:
        _log(event, "task.created", task)
    elif task.idempotency_digest != digest:
        raise IdempotencyKeyReused()
    return task


def put(
    event: Event, identifier: UUID, title: str, done: bool, may_replace: bool
) -> tuple[Task, bool]:
    """Makes the task of an id what is given. Also answers whether there was none."""
    for _ in range(ATTEMPTS):
        task, before = _ask(
            _PUT, event, identifier, title=title, done=done, may_replace=may_replace
        )
        if task:
            created = task.version == 1
            _log(event, "task.created" if created else "task.changed", task)
            return task, created
        if before is None:
            continue
        if before.owner != event.account:
            raise NotFound()
        if not may_replace:
            raise PreconditionFailed()
        if (before.title, before.done) == (title, done):
            return before, False
    raise Contended()


def change(
    event: Event,
    identifier: UUID,
    expected: Versions,
    title: str | None = None,
    done: bool | None = None,
) -> Task:
    """Sets what is given; nothing happens to the task if it is so already."""
    for _ in range(ATTEMPTS):
        task, before = _ask(_PATCH, event, identifier, versions=expected, title=title, done=done)
        if task:
            _log(event, "task.changed", task)
            return task
        before = _own(before, event, expected)
        if title in (None, before.title) and done in (None, before.done):
            return before
    raise Contended()


def delete(event: Event, identifier: UUID, expected: Versions) -> None:
    """Deletes a task."""
    for _ in range(ATTEMPTS):
        task, before = _ask(_DELETE, event, identifier, versions=expected)
        if task:
            return _log(event, "task.deleted", task)
        _own(before, event, expected)
    raise Contended()


def _own(before: Task | None, event: Event, expected: Versions) -> Task:
    """The task as it was, if it was the account's and what the request expects."""
    if before is None or before.owner != event.account:
        raise NotFound()
    if expected is not None and before.version not in expected:
        raise PreconditionFailed()
    return before


def _ask(
    sql: str, event: Event, identifier: UUID, **values: Any
) -> tuple[Task | None, Task | None]:
    values |= {"id": identifier, "owner": event.account, **statement.parameters(event)}
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        found = {
            which: Task.from_db("default", _NAMES, columns) for which, *columns in cursor.fetchall()
        }
    return found.get("changed"), found.get("before")


def _log(event: Event, name: EventName, task: Task) -> None:
    event.event, event.object, event.details = name, str(task.id), {"version": task.version}
    log.write_line(event)
