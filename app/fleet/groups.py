"""The auto scaling group that this host belongs to."""

from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError
from rest_framework.exceptions import APIException

from core import aws, environment
from core.problems import Unavailable


class FleetUnavailable(Unavailable):
    default_code = "fleet_unavailable"
    default_detail = "The fleet cannot be asked or changed at the moment. Try again."


class ScalingInProgress(APIException):
    status_code = 409
    default_code = "scaling_in_progress"
    default_detail = "The fleet is being changed. Try again when that has ended."


@dataclass(frozen=True)
class Group:
    """An auto scaling group as it stands."""

    name: str
    minimum: int
    maximum: int
    desired: int
    instances: list[dict[str, str]]


@dataclass(frozen=True)
class Activity:
    """Something that a group has done, and why."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    status: str
    description: str
    cause: str


def current_name() -> str:
    """Finds the group by this host's instance id: a roll-out replaces groups, so no name is configured."""
    try:
        membership = aws.autoscaling().describe_auto_scaling_instances(
            InstanceIds=[environment.current().instance_id]
        )["AutoScalingInstances"]
    except (BotoCoreError, ClientError) as error:
        raise FleetUnavailable() from error
    if not membership:
        raise FleetUnavailable("This host does not belong to an auto scaling group.")
    return membership[0]["AutoScalingGroupName"]


def current_group() -> Group:
    """The group of hosts that this one belongs to."""
    name = current_name()
    try:
        groups = aws.autoscaling().describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    except (BotoCoreError, ClientError) as error:
        raise FleetUnavailable() from error
    if not groups["AutoScalingGroups"]:
        # A roll-out has deleted it in between.
        raise FleetUnavailable()
    group = groups["AutoScalingGroups"][0]
    return Group(
        name=name,
        minimum=group["MinSize"],
        maximum=group["MaxSize"],
        desired=group["DesiredCapacity"],
        instances=[
            {
                "id": instance["InstanceId"],
                "zone": instance["AvailabilityZone"],
                "state": instance["LifecycleState"],
                "health": instance["HealthStatus"],
            }
            for instance in group["Instances"]
        ],
    )


def activities(limit: int) -> list[Activity]:
    """What the group has done, the newest first."""
    try:
        answer = aws.autoscaling().describe_scaling_activities(
            AutoScalingGroupName=current_name(), MaxRecords=limit
        )
    except (BotoCoreError, ClientError) as error:
        raise FleetUnavailable() from error
    return [
        Activity(
            id=one["ActivityId"],
            started_at=one["StartTime"],
            ended_at=one.get("EndTime"),
            status=one["StatusCode"],
            description=one.get("Description", ""),
            cause=one["Cause"],
        )
        for one in answer["Activities"]
    ]


def set_desired(name: str, desired: int) -> None:
    """Asks the group for a number of hosts; it starts or ends them by itself."""
    try:
        aws.autoscaling().set_desired_capacity(
            AutoScalingGroupName=name, DesiredCapacity=desired, HonorCooldown=False
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in (
            "ScalingActivityInProgress",
            "ResourceContention",
        ):
            raise ScalingInProgress() from error
        raise FleetUnavailable() from error
    except BotoCoreError as error:
        raise FleetUnavailable() from error
