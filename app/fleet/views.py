"""The fleet's desired size, for administrators."""

from dataclasses import asdict, replace
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principal
from accounts.permissions import ADMINISTRATORS_ONLY, IsAdministrator
from activity import log
from core.serializers import StrictSerializer
from fleet import groups


class OutOfBounds(APIException):
    status_code = 422
    default_code = "out_of_bounds"


class Instance(serializers.Serializer[Any]):
    id = serializers.CharField()
    zone = serializers.CharField()
    state = serializers.CharField()
    health = serializers.CharField()


class Fleet(serializers.Serializer[Any]):
    name = serializers.CharField()
    minimum = serializers.IntegerField()
    maximum = serializers.IntegerField()
    desired = serializers.IntegerField()
    instances = Instance(many=True)


class FleetSize(StrictSerializer):
    desired = serializers.IntegerField(min_value=0)


class FleetView(APIView):
    permission_classes = (IsAuthenticated, IsAdministrator)

    @extend_schema(responses={200: Fleet, 403: ADMINISTRATORS_ONLY})
    def get(self, request: Request) -> Response:
        """The group of hosts that serves, as it stands."""
        return Response(asdict(groups.current_group()))

    @extend_schema(
        request=FleetSize,
        responses={
            200: Fleet,
            403: ADMINISTRATORS_ONLY,
            409: OpenApiResponse(description="The fleet is being changed."),
            422: OpenApiResponse(description="The size is outside the group's limits."),
        },
    )
    def put(self, request: Request) -> Response:
        """Sets how many hosts there should be, within the group's limits."""
        serializer = FleetSize(data=request.data)
        serializer.is_valid(raise_exception=True)
        desired = serializer.validated_data["desired"]
        group = groups.current_group()
        if not group.minimum <= desired <= group.maximum:
            raise OutOfBounds(
                f"The fleet may have {group.minimum} to {group.maximum} hosts, not {desired}."
            )
        if desired != group.desired:
            groups.set_desired(group.name, desired)
            details = {"from": group.desired, "to": desired}
            account = principal(request).account
            log.record(request, "fleet.resized", account=account, object=group.name, **details)
        return Response(asdict(replace(group, desired=desired)))
