"""`python -m service`: serves the application, for a host behind the load balancer."""

import gc
import importlib
import logging
import os
import socket
import sys

from botocore.exceptions import BotoCoreError
from django.core.exceptions import ImproperlyConfigured
from granian.constants import HTTPModes, Interfaces, Loops
from granian.server import Server

from core import aws, environment
from core.logs import LOGGING
from service.capacity import DATABASE_CONNECTIONS

APPLICATION = "service.asgi"
PORT = 8000
WORKERS = 2
# Far more than the load balancer opens, and than a flood gets through the deadline of bodies: the limit is on
# connections, so that reaching it would silence /livez.
MAX_CONNECTIONS = 16_384
# Shorter than the 30 s for which the balancer drains a host that leaves.
GRACE_SECONDS = 25

logger = logging.getLogger(__name__)


def main() -> None:
    """Serves until SIGTERM, and starts a worker anew that has ended."""
    os.environ["DATABASE_POOL_SIZE"] = str(DATABASE_CONNECTIONS)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "service.settings")
    try:
        # One clear message, instead of a traceback of each worker.
        environment.current()
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    _preload()
    server = Server(
        f"{APPLICATION}:application",
        address=os.environ.get("ADDRESS", "0.0.0.0"),
        port=int(os.environ.get("PORT", PORT)),
        interface=Interfaces.ASGI,
        workers=WORKERS,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        websockets=False,
        backlog=2048,
        backpressure=MAX_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=GRACE_SECONDS,
        log_dictconfig=LOGGING,
    )
    server.on_startup(_notify)
    server.serve()


def _preload() -> None:
    """Loads what each worker needs before it is forked: the workers share that memory, the most of what they have.

    Nothing of it may connect or start a thread, which a fork would break.
    """
    for module in (APPLICATION, "service.urls"):
        importlib.import_module(module)
    try:
        aws.s3()
    except BotoCoreError as error:
        # Such as a role that cannot be had yet. Each worker makes its client when it can.
        logger.warning("the workers do not share a client of S3: %s", error)
    gc.collect()
    # The collector would write to every object that it looks at, and so give each worker a page of its own.
    gc.freeze()


def _notify() -> None:
    """Tells systemd that what was given is in order, and that the workers come (sd_notify(3))."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
            notify.send(b"READY=1")


if __name__ == "__main__":
    main()
