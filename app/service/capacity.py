"""How much one worker process does at once, and which requests share what.

Each part has threads of its own, so that requests which wait for one dependency never keep those from working that need
another. Whatever happens to the parts, health and the reading of bodies need no thread of theirs.
"""

from dataclasses import dataclass

# The pool has a connection for each thread that serves tasks: the database's max_connections is derived from it. What asks
# seldom (the activity log, storing what waits in the bucket, deletion, readiness) finds one between two tasks.
DATABASE_CONNECTIONS = 4

# Requests of one part that may wait for a thread, and for how long.
WAITING = 64
PATIENCE_SECONDS = 3.0

# A worker that does nothing at all for so long is ended.
STUCK_SECONDS = 30.0

MAX_BODY_BYTES = 64 * 1024
# What is read of a longer body, so that its sender gets to read the refusal.
MAX_DISCARDED_BYTES = 1024 * 1024
BODY_SECONDS = 5.0
# Bodies that are being received at once.
MAX_RECEIVING = 500


@dataclass(frozen=True)
class Part:
    """Requests that need the same dependency."""

    name: str
    threads: int
    paths: tuple[str, ...]


PARTS = (
    Part("tasks", DATABASE_CONNECTIONS, ("/v1/tasks",)),
    # With an account its tasks are deleted: it waits for bucket and database, and neither the tasks nor the accounts for it.
    Part("deletion", 1, ("/v1/account/delete",)),
    Part("accounts", 4, ("/v1/sign", "/v1/session", "/v1/token", "/v1/account")),
    # Administrators are looked up in the bucket: apart from the tasks, which must not wait for that.
    Part("activity", 2, ("/v1/activity", "/v1/fleet/history")),
    Part("fleet", 2, ("/v1/fleet",)),
    Part("readiness", 1, ("/readyz",)),
    # The schema, the documentation and what is not found, such as `OPTIONS *`: nothing to wait for.
    Part("pages", 2, ("",)),
)


def part_of(path: str) -> Part:
    """The part that serves a path."""
    return next(part for part in PARTS if path.startswith(part.paths))
