"""Django's PostgreSQL backend, made to fail fast while the database is away.

If every request waited out the pool's timeout, requests without a database, such as sign-ins, would find no thread.
"""

import threading
from typing import Any

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """One request at a time asks a database that is away; the others fail at once."""

    _away = False
    _probe = threading.Lock()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        cls = type(self)
        probing = cls._away
        if probing and not cls._probe.acquire(blocking=False):
            raise psycopg.OperationalError("the database is away; another request is asking it")
        try:
            connection = super().get_new_connection(conn_params)
            cls._away = False
            return connection
        except psycopg.OperationalError:
            cls._away = True
            raise
        finally:
            if probing:
                cls._probe.release()

    def _close(self) -> None:
        # What cut this connection has cut the idle ones, too. Without this, each of them would
        # fail one more request after the database has come back.
        if self.pool and self.connection is not None and self.connection.broken:
            self.pool.drain()
        super()._close()  # type: ignore[misc]  # not in the stubs
