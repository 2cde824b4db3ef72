"""Password hashing with Argon2id, bounded in memory and in concurrency."""

import base64
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import argon2

from core.problems import Unavailable

# OWASP's minimum. Many sign-ins at once must not exhaust the memory of a small host: each of its two workers makes one hash
# at a time. Its two processors have no time for more.
_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_turn = threading.Lock()
TURN_WAIT_SECONDS = 2.0


class Busy(Unavailable):
    default_code = "busy"
    default_detail = "Too many sign-ins at this moment. Try again."


def hash_password(password: str) -> str:
    """Hashes a normalized password."""
    with _one_at_a_time():
        return _hasher.hash(password)


def verify_password(password: str, encoded: str | None) -> bool:
    """Compares a normalized password with a hash.

    Without a hash (no such account) it takes as long as with one, and answers False.
    """
    with _one_at_a_time():
        try:
            return _hasher.verify(encoded or _DUMMY, password)
        except argon2.exceptions.VerifyMismatchError:
            return False


def needs_rehash(encoded: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(encoded)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _turn.acquire(timeout=TURN_WAIT_SECONDS):
        raise Busy()
    try:
        yield
    finally:
        _turn.release()


def _dummy() -> str:
    """A well-formed hash of no known password, with today's parameters."""

    def field(size: int) -> str:
        return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")

    cost = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${cost}${field(_hasher.salt_len)}${field(_hasher.hash_len)}"


_DUMMY = _dummy()
