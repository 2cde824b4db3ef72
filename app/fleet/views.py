"""The fleet's desired size, for administrators."""

import logging
from dataclasses import asdict, replace

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import store
from fleet import groups

logger = logging.getLogger(__name__)


class OutOfBounds(APIException):
    status_code = 422
    default_code = "out_of_bounds"


class IsAdministrator(BasePermission):
    """Asks the account itself: a role that was taken away, or a sign-out, counts at once."""

    message = "Only an administrator may do this."
    code = "not_administrator"

    def has_permission(self, request, view) -> bool:
        try:
            account = store.read(request.user.account)
        except store.AccountMissing:
            return False
        return account.role == "admin" and account.token_version == request.user.token_version


class Instance(serializers.Serializer):
    id = serializers.CharField()
    zone = serializers.CharField()
    state = serializers.CharField()
    health = serializers.CharField()


class Fleet(serializers.Serializer):
    name = serializers.CharField(read_only=True)
    minimum = serializers.IntegerField(read_only=True)
    maximum = serializers.IntegerField(read_only=True)
    desired = serializers.IntegerField(min_value=0)
    instances = Instance(many=True, read_only=True)


class FleetView(APIView):
    permission_classes = (IsAuthenticated, IsAdministrator)

    @extend_schema(responses=Fleet)
    def get(self, request):
        """The group of hosts that serves, as it stands."""
        return Response(asdict(groups.current_group()))

    @extend_schema(request=Fleet, responses=Fleet)
    def put(self, request):
        """Sets how many hosts there should be, within the group's limits."""
        serializer = Fleet(data=request.data)
        serializer.is_valid(raise_exception=True)
        desired = serializer.validated_data["desired"]
        group = groups.current_group()
        if not group.minimum <= desired <= group.maximum:
            raise OutOfBounds(
                f"The fleet may have {group.minimum} to {group.maximum} hosts, not {desired}."
            )
        if desired != group.desired:
            groups.set_desired(group.name, desired)
            fields = {
                "account": request.user.account,
                "from": group.desired,
                "to": desired,
            }
            logger.info("fleet resized", extra={"fields": fields})
        return Response(asdict(replace(group, desired=desired)))
