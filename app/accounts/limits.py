"""Limits on failed sign-ins, for the whole fleet, kept in the account bucket: they hold while the database is away.

Each failure counts against the login, whether it has an account or not, and against the client's address, as the load
balancer saw it. After a burst there is one more guess for each interval; that is all a guesser gets, and nobody is ever
locked out for good. A client from whose address the account has been signed in to before counts by itself: a stranger who
guesses cannot keep it out.

The state of a limit is one number, the time at which it is as if no failure had happened (the generic cell rate
algorithm, as in ATM Forum TM 4.0). Failures are counted after the fact: guesses that are under way at once, a few for each
host, can exceed the limit by their number.
"""

import hashlib
import ipaddress
import time
from dataclasses import dataclass

from rest_framework.exceptions import APIException

from accounts import objects

FAILURES = "accounts/failures/"


@dataclass(frozen=True)
class Limit:
    """So many failures at once, and then one for each interval."""

    burst: int
    interval_seconds: float


LOGIN = Limit(burst=10, interval_seconds=60)
# Many people may share one address.
CLIENT = Limit(burst=50, interval_seconds=10)


class TooManyFailures(APIException):
    status_code = 429
    default_code = "too_many_failures"
    default_detail = "Too many sign-ins have failed. Try again later."

    def __init__(self, wait: float) -> None:
        super().__init__()
        # REST framework's name for what becomes Retry-After.
        self.wait = max(1, round(wait + 0.5))


def network_of(client: str) -> str:
    """What one client can choose its addresses from: an address of IPv4, a /64 of IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if address.version == 4:
        return client
    return str(ipaddress.ip_network((address, 64), strict=False))


def fingerprint(client: str) -> str:
    """What an account remembers of an address."""
    return hashlib.sha256(client.encode()).hexdigest()[:16]


def of(login: str, client: str, known: bool) -> list[tuple[str, Limit]]:
    """The limits that a sign-in is subject to, by the keys of their objects."""
    who = f"{login}\0{client}" if known else login
    return [
        (f"{FAILURES}logins/{hashlib.sha256(who.encode()).hexdigest()}", LOGIN),
        (f"{FAILURES}clients/{hashlib.sha256(client.encode()).hexdigest()}", CLIENT),
    ]


def check(limits: list[tuple[str, Limit]]) -> None:
    """Raises TooManyFailures while one of the limits is reached."""
    now = time.time()
    for key, limit in limits:
        try:
            document, _ = objects.read(key)
        except objects.Missing:
            continue
        wait = document["clear"] - now - (limit.burst - 1) * limit.interval_seconds
        if wait > 0:
            raise TooManyFailures(wait)


def record_failure(limits: list[tuple[str, Limit]]) -> None:
    """Counts a failure."""
    for key, limit in limits:
        now = time.time()

        def count(
            current: objects.Document | None, limit: Limit = limit, now: float = now
        ) -> objects.Document:
            clear = max(now, current["clear"] if current else 0) + limit.interval_seconds
            return {"clear": min(clear, now + limit.burst * limit.interval_seconds)}

        objects.update(key, count)
