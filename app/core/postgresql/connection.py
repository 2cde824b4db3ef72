"""Connections of the pool."""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

# Longer than the server's own limits, which apply as long as it works at all.
ANSWER_SECONDS = 6.0


class BoundedConnection(psycopg.Connection[Any]):
    """Gives up on a server that neither answers nor hangs up, such as one whose disk has stopped."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, timeout or ANSWER_SECONDS)
        except psycopg.OperationalError:
            # Nobody knows when an answer will come, or to what: the connection is of no use any more.
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise
