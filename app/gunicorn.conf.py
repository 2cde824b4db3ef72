"""gunicorn's settings, for a host behind the load balancer."""

import sys
from pathlib import Path
from typing import cast

from django.core.exceptions import ImproperlyConfigured

chdir = str(Path(__file__).resolve().parent)
sys.path.insert(0, chdir)

from core import environment
from core.logs import LOGGING
from service.capacity import CONCURRENCY, THREADS

wsgi_app = "service.wsgi:application"
bind = "0.0.0.0:8000"

# Never preload: a connection pool that is opened before the fork is broken in the workers.
worker_class = "gthread"
workers = 2
threads = THREADS
raw_env = [f"DATABASE_POOL_SIZE={CONCURRENCY}"]

# Longer than the load balancer's idle timeout of 60 s. Were it shorter, the balancer would now and
# then send a request on a connection that is just being closed, and answer 502.
keepalive = 75
# Shorter than the 30 s for which the balancer drains a host that leaves.
graceful_timeout = 25
timeout = 30

# Django reads X-Forwarded-Proto by itself (SECURE_PROXY_SSL_HEADER), so gunicorn has to trust nobody.
forwarded_allow_ips = "127.0.0.1"

# The heartbeat files of the workers must not wait for a disk.
worker_tmp_dir = "/dev/shm"
# systemd starts, stops and watches the process; a second way in is not wanted.
control_socket_disable = True

logconfig_dict = LOGGING


def on_starting(server: object) -> None:
    """One clear message, instead of a traceback of each worker."""
    try:
        environment.current()
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def worker_exit(server: object, worker: object) -> None:
    """Without this, the pool's threads would hold up the end of the process for seconds."""
    from django.db import connection

    from core.postgresql.base import DatabaseWrapper

    cast(DatabaseWrapper, connection).close_pool()
