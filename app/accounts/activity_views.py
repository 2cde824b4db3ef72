"""The activity log: everyone's own, and for administrators everybody's."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principal
from accounts.permissions import ADMINISTRATORS_ONLY, IsAdministrator
from activity.models import EVENT_NAMES, Event
from core.identifiers import first_id_at
from core.paging import PageQuery, cursor_of, given, key_of, refused_cursor
from core.serializers import QueryFlag


class ActivityQuery(PageQuery):
    event = serializers.ChoiceField(EVENT_NAMES, required=False)
    object = serializers.CharField(
        required=False, max_length=255, help_text="What it was done to: an account, task or group."
    )
    since = serializers.DateTimeField(required=False, help_text="Not before this time.")
    until = serializers.DateTimeField(required=False, help_text="Before this time.")
    everyone = QueryFlag(default=False, help_text="Everybody's; for administrators.")
    account = serializers.CharField(
        required=False, max_length=64, help_text="This account's; for administrators."
    )


class EventSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    event = serializers.ChoiceField(EVENT_NAMES)
    account = serializers.CharField(help_text="Who did it; empty where nobody had signed in.")
    object = serializers.CharField(help_text="What it was done to; may be empty.")
    client = serializers.CharField(help_text="The client's address.")
    request = serializers.CharField(help_text="The request's id.")
    host = serializers.CharField(help_text="The host that served the request.")
    details = serializers.DictField()


class EventPage(serializers.Serializer[Any]):
    results = EventSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class Activity(APIView):
    def get_permissions(self) -> list[BasePermission]:
        asked = self.request.query_params
        if asked.get("everyone") == "true" or "account" in asked:
            return [IsAuthenticated(), IsAdministrator()]
        return [IsAuthenticated()]

    @extend_schema(
        "v1_activity_list",
        parameters=[ActivityQuery],
        responses={200: EventPage, 403: ADMINISTRATORS_ONLY},
    )
    def get(self, request: Request) -> Response:
        """What was done, the newest first, a page at a time."""
        query = given(request.query_params, ActivityQuery)
        key = key_of(query, 1)
        events = Event.objects.order_by("-id")
        account = query.get("account", "" if query["everyone"] else principal(request).account)
        if account:
            events = events.filter(account=account)
        for name in {"event", "object"} & query.keys():
            events = events.filter(**{name: query[name]})
        # The id tells the time: each of these narrows a range of an index.
        if "since" in query:
            events = events.filter(id__gte=first_id_at(query["since"]))
        if "until" in query:
            events = events.filter(id__lt=first_id_at(query["until"]))
        if key:
            events = events.filter(id__lt=_identifier(key[0]))
        limit: int = query["limit"]
        # One more row than asked for tells whether there is another page.
        rows = list(events[: limit + 1])
        page = rows[:limit]
        cursor = cursor_of(query, str(page[-1].id)) if rows[limit:] else None
        return Response({"results": EventSerializer(page, many=True).data, "next_cursor": cursor})


def _identifier(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise refused_cursor() from error
