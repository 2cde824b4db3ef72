"""Clients of the AWS APIs."""

import threading
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError

from core import environment

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient
    from types_boto3_s3 import S3Client

# boto3's sessions are not safe to share between threads; the clients that they make are.
_lock = threading.Lock()


def s3() -> "S3Client":
    """The client of the account bucket."""
    client: S3Client = _client("s3", read_timeout=2)
    return client


def autoscaling() -> "AutoScalingClient":
    """The client of the fleet's group."""
    client: AutoScalingClient = _client("autoscaling", read_timeout=4)
    return client


@cache
def _client(service: Literal["s3", "autoscaling"], read_timeout: float) -> Any:
    """A client that gives up early: a request of ours must end before the load balancer's patience does."""
    with _lock:
        session = boto3.Session(region_name=environment.current().region)
        if session.get_credentials() is None:
            # A client made now would stay without them, even when the role can be had later.
            raise NoCredentialsError()
        config = Config(
            connect_timeout=1,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": 2},
            # More than the threads that share the client: requests, lists of accounts, events.
            max_pool_connections=32,
        )
        return session.client(service, config=config)
