"""Pages of one owner's tasks: which, and in which order."""

from typing import Any
from uuid import UUID

from django.db.models import CharField, DateTimeField, F, Func, QuerySet, UUIDField, Value
from django.db.models.functions import Lower
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.dateparse import parse_datetime

from core.paging import cursor_of, key_of, refused_cursor
from tasks.models import Task
from tasks.serializers import CREATED


def page(owner: str, query: dict[str, Any]) -> tuple[list[Any], str | None]:
    """One page, and the cursor of the next one."""
    descending = query["order"].startswith("-")
    by_creation = query["order"].removeprefix("-") == CREATED
    # In the order of an index, so that a page is a range of it. The id decides between equals.
    tasks = Task.objects.filter(owner=owner).annotate(
        place=F("created_at") if by_creation else Lower("title")
    )
    if key := key_of(query, 2):
        tasks = _after(tasks, key, by_creation, descending)
    if "done" in query:
        tasks = tasks.filter(done=query["done"])
    if query.get("q"):
        tasks = tasks.filter(title__icontains=query["q"])
    sign = "-" if descending else ""
    limit: int = query["limit"]
    # One more row than asked for tells whether there is another page.
    rows = list(tasks.order_by(f"{sign}place", f"{sign}id")[: limit + 1])
    if len(rows) <= limit:
        return rows, None
    place = rows[limit - 1].place
    place = place.isoformat() if by_creation else place
    return rows[:limit], cursor_of(query, place, str(rows[limit - 1].id))


def _after(
    tasks: QuerySet[Any], key: list[str], by_creation: bool, descending: bool
) -> QuerySet[Any]:
    """Those that come after a key. Compared as a row: then a page of equal titles is a range of the index, too."""
    try:
        identifier = UUID(key[1])
        place = parse_datetime(key[0]) if by_creation else key[0].encode().decode()
    except ValueError as error:
        raise refused_cursor() from error
    if place is None or "\0" in key[0]:
        raise refused_cursor()
    values = (
        Value(place, DateTimeField() if by_creation else CharField()),
        Value(identifier, UUIDField()),
    )
    compare = LessThan if descending else GreaterThan
    return tasks.filter(compare(_row(F("place"), F("id")), _row(*values)))


def _row(*parts: F | Value) -> Func:
    return Func(*parts, function="ROW", output_field=CharField())
