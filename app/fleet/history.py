"""What happened to the fleet: who asked for which size, and what the group did and why."""

from dataclasses import asdict
from typing import Any

from django.db import InterfaceError, OperationalError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.permissions import ADMINISTRATORS_ONLY, IsAdministrator
from activity.models import Event
from core.serializers import StrictSerializer
from fleet import groups


class HistoryQuery(StrictSerializer):
    limit = serializers.IntegerField(
        default=50, min_value=1, max_value=100, help_text="Most of each kind."
    )


class Change(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    account = serializers.CharField(help_text="The administrator who asked for it.")

    def get_fields(self) -> dict[str, Any]:
        # `from` is no name in Python.
        size = serializers.IntegerField
        return {**super().get_fields(), "from": size(), "to": size()}


class ScalingActivity(serializers.Serializer[Any]):
    id = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    status = serializers.CharField()
    description = serializers.CharField()
    cause = serializers.CharField()


class History(serializers.Serializer[Any]):
    changes = Change(many=True, allow_null=True, help_text="Null while the database is away.")
    activities = ScalingActivity(many=True)


class HistoryView(APIView):
    permission_classes = (IsAuthenticated, IsAdministrator)

    @extend_schema(
        "v1_fleet_history",
        parameters=[HistoryQuery],
        responses={200: History, 403: ADMINISTRATORS_ONLY},
    )
    def get(self, request: Request) -> Response:
        """Changes of the fleet's size, and what the group did and why, each the newest first."""
        query = HistoryQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        limit: int = query.validated_data["limit"]
        activities = [asdict(one) for one in groups.activities(limit)]
        return Response(History({"changes": _changes(limit), "activities": activities}).data)


def _changes(limit: int) -> list[dict[str, Any]] | None:
    """None while the database is away: the rest can be told all the same."""
    events = Event.objects.filter(event="fleet.resized").order_by("-id")[:limit]
    try:
        return [{"at": one.at, "account": one.account, **one.details} for one in events]
    except (OperationalError, InterfaceError):
        return None
