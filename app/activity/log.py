"""What happens is noted here: who, what, on what, when, from which address, with which request.

An event goes to the host's structured log in any case. Into the database it gets with the statement that makes the change
(tasks), or by way of the bucket (everything else), so that nothing else waits for the database: see activity.spool.
"""

import logging
import re
from datetime import datetime
from typing import Any

from rest_framework.request import Request

from activity import spool
from activity.models import Event, EventName
from core import environment
from core.identifiers import repeatable_id, time_of, uuid7

logger = logging.getLogger("activity")


def event_of(
    request: Request, event: EventName, *, account: str = "", object: str = "", **details: Any
) -> Event:
    """An event that happens now."""
    identifier = uuid7()
    return Event(
        id=identifier,
        at=time_of(identifier),
        event=event,
        account=account,
        object=object,
        client=request.META["REMOTE_ADDR"][:64],
        request=_request_id(request)[:128],
        host=environment.current().instance_id,
        details=details,
    )


def write_line(event: Event) -> None:
    """Writes an event to the host's log."""
    fields = {
        name: getattr(event, name)
        for name in ("id", "account", "object", "client", "request", "host", "details")
    }
    logger.info(event.event, extra={"fields": fields})


def record(
    request: Request, event: EventName, *, account: str = "", object: str = "", **details: Any
) -> None:
    """Records what has happened outside the database. It never fails."""
    happened = event_of(request, event, account=account, object=object, **details)
    write_line(happened)
    spool.put(happened)


def record_once(request: Request, event: EventName, account: str, at: datetime) -> None:
    """Records what an account does once in its life. Told again, after a lost reply, it is the same event."""
    happened = event_of(request, event, account=account, object=account)
    happened.id = repeatable_id(at, f"{event} {account}")
    happened.at = time_of(happened.id)
    write_line(happened)
    spool.put(happened)


def record_refusal(
    request: Request, event: EventName, *, account: str = "", object: str = "", reason: str
) -> None:
    """Records what was refused: a line for each time, and an event for all that are alike and follow each other."""
    happened = event_of(request, event, account=account, object=object, reason=reason)
    write_line(happened)
    spool.count(happened)


def _request_id(request: Request) -> str:
    """The root of the trace that the load balancer gives each request; whatever it gives if there is no root."""
    trace: str = request.META.get("HTTP_X_AMZN_TRACE_ID", "")
    root = re.search("Root=([^;]+)", trace)
    return root[1] if root else trace
