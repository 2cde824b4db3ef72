"""The part of a statement that adds the event of what the statement changes: both happen, or neither, in one round trip."""

from typing import Any

from activity.models import Event


def insertion(event: str, object: str, details: str, rows: str) -> str:
    """SQL that adds an event for each of `rows`, a FROM clause. The arguments are SQL, never values of a request."""
    return f"""
        INSERT INTO activity_event (id, at, event, account, object, client, request, host, details)
        SELECT %(event_id)s, %(event_at)s, {event}, %(event_account)s, {object}, %(event_client)s,
            %(event_request)s, %(event_host)s, {details}
        {rows}"""


def parameters(event: Event) -> dict[str, Any]:
    """The values that the SQL of insertion() names."""
    return {
        "event_id": event.id,
        "event_at": event.at,
        "event_account": event.account,
        "event_client": event.client,
        "event_request": event.request,
        "event_host": event.host,
    }
