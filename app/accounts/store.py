"""Accounts, one object each, whose key is the login. No database is involved, so that signing up and in works while the
database is away, on every host alike.

`accounts/logins/<login>` is the account, in the order of the logins. `accounts/ids/<id>` names the login of an id and
never changes: tokens and rows know the id only, so that a login which is made anew inherits nothing of the old one.
"""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from accounts import objects
from accounts.objects import Document, StoreUnavailable, check

__all__ = ["StoreUnavailable", "check"]

LOGINS = "accounts/logins/"
IDS = "accounts/ids/"
# How long a deleted account's login cannot be had again.
TOMBSTONE_SECONDS = 30 * 24 * 3600


class AccountExists(Exception):
    """The login is an account's, or was until recently."""


class AccountMissing(Exception):
    """There is no such account."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_id() -> str:
    """An id that says nothing about the account."""
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Session:
    """A sign-in that can be renewed by its refresh tokens, one after the other."""

    # The number of the refresh token that is valid.
    number: int
    # When it was given out, and when it expires, in seconds since 1970.
    rotated: int
    expires: int


@dataclass(frozen=True)
class Account:
    """The content of an account object."""

    password_hash: str
    role: str = "user"
    id: str = field(default_factory=new_id)
    # What tokens are compared with; raising it ends all sessions.
    token_version: int = 1
    sessions: Mapping[str, Session] = field(default_factory=dict)
    locked: bool = False
    # Where sign-ins have succeeded: see accounts.limits.
    clients: tuple[str, ...] = ()
    created_at: str = field(default_factory=_now)
    changed_at: str = field(default_factory=_now)
    # Seconds since 1970; none while the account exists.
    deleted: int | None = None
    # Tells one's own write from another's, when a reply was lost and the retry is refused.
    write_id: str = field(default_factory=new_id)
    # What a newer version of this service has stored besides: kept while both versions run.
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Document) -> "Account":
        members = dict(document)
        known = {f.name for f in fields(cls)} - {"other"}
        other = {name: members.pop(name) for name in members.keys() - known}
        sessions = {name: Session(**one) for name, one in members.pop("sessions", {}).items()}
        clients = tuple(members.pop("clients", ()))
        return cls(**members, sessions=sessions, clients=clients, other=other)

    def to_document(self) -> Document:
        members: Document = asdict(self)
        members["clients"] = list(self.clients)
        other: Document = members.pop("other")
        return other | members

    def without_sessions(self) -> "Account":
        """Ends every session; access tokens expire by themselves within minutes."""
        return replace(self, token_version=self.token_version + 1, sessions={})


def read(login: str) -> Account:
    """Reads the account of a normalized login."""
    try:
        document, _ = objects.read(_key(login))
    except objects.Missing as error:
        raise AccountMissing from error
    return _existing(Account.from_document(document))


def login_of(account_id: str) -> str:
    """The login of an id."""
    try:
        return _login_of(account_id)
    except objects.Missing as error:
        raise AccountMissing from error


def read_by_id(account_id: str) -> Account:
    """Reads the account of an id."""
    account = read(login_of(account_id))
    if account.id != account_id:
        # The login is another account's by now.
        raise AccountMissing
    return account


def create(login: str, account: Account) -> None:
    """Stores a new account; AccountExists if its login cannot be had."""
    # Before the account: an id without an account does no harm, an account without its id could not be used.
    objects.update(IDS + account.id, lambda _: {"login": login})

    def put(current: Document | None) -> Document | None:
        if current is None:
            return account.to_document()
        there = Account.from_document(current)
        if there.write_id == account.write_id:
            return None
        if there.deleted is None or there.deleted + TOMBSTONE_SECONDS > time.time():
            raise AccountExists
        return account.to_document()

    objects.update(_key(login), put)


def change(login: str, update: Callable[[Account], Account]) -> Account:
    """Applies a change to what is stored, again if another change came first."""
    write_id = new_id()

    def put(current: Document | None) -> Document | None:
        if current is None:
            raise AccountMissing
        account = Account.from_document(current)
        if account.write_id == write_id:
            return None
        updated = update(_existing(account))
        if updated == account:
            return None
        return replace(updated, write_id=write_id, changed_at=_now()).to_document()

    changed = objects.update(_key(login), put)
    if changed is None:
        raise AccountMissing
    return Account.from_document(changed)


def change_by_id(account_id: str, update: Callable[[Account], Account]) -> Account:
    """Applies a change to the account of an id."""

    def update_same(account: Account) -> Account:
        if account.id != account_id:
            raise AccountMissing
        return update(account)

    return change(login_of(account_id), update_same)


def deletion_of(account_id: str) -> Account | None:
    """The tombstone of an account, as long as its login is kept; none if the account is there."""
    try:
        document, _ = objects.read(_key(login_of(account_id)))
    except objects.Missing as error:
        raise AccountMissing from error
    account = Account.from_document(document)
    if account.id != account_id:
        raise AccountMissing
    return account if account.deleted is not None else None


def delete(account_id: str) -> Account:
    """Leaves a tombstone, which holds nothing but the time."""

    def bury(account: Account) -> Account:
        return Account(
            password_hash="",
            id=account.id,
            created_at=account.created_at,
            token_version=account.token_version + 1,
            deleted=int(time.time()),
        )

    return change_by_id(account_id, bury)


def logins(prefix: str, after: str, limit: int) -> list[str]:
    """Logins with a prefix that come after one, in the order of their UTF-8; those of deleted accounts, too."""
    keys = objects.keys(_key(prefix), _key(after) if after else "", limit)
    return [unquote(key.removeprefix(LOGINS)) for key in keys]


def _existing(account: Account) -> Account:
    if account.deleted is not None:
        raise AccountMissing
    return account


@lru_cache(maxsize=10_000)
def _login_of(account_id: str) -> str:
    document, _ = objects.read(IDS + account_id)
    login: str = document["login"]
    return login


def _key(login: str) -> str:
    return LOGINS + quote(login, safe="")
