"""Clients of the AWS APIs."""

import threading
from functools import cache

import boto3
from botocore.config import Config
from botocore.exceptions import NoCredentialsError
from django.conf import settings

# boto3's sessions are not safe to share between threads; the clients that they make are.
_lock = threading.Lock()


@cache
def client(service: str, read_timeout: float):
    """A client that gives up early: a request of ours must end before the load balancer's patience does."""
    with _lock:
        session = boto3.Session(region_name=settings.ENVIRONMENT.region)
        if session.get_credentials() is None:
            # A client made now would stay without them, even when the role can be had later.
            raise NoCredentialsError()
        config = Config(
            connect_timeout=1,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        return session.client(service, config=config)
