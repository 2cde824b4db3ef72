"""Signing in and what follows: sessions, whose refresh tokens rotate."""

import time
from dataclasses import replace

from rest_framework.exceptions import APIException

from accounts import limits, passwords, store
from accounts.store import Account, Session
from accounts.tokens import ACCESS, ACCESS_SECONDS, REFRESH, REFRESH_SECONDS, Claims, issue

# The oldest session ends when one more begins.
MAX_SESSIONS = 10
MAX_CLIENTS = 5
# A client whose reply was lost may ask again with the token that it has just spent.
ROTATION_GRACE_SECONDS = 10


class SignInRefused(APIException):
    """Names the account, for the log only."""

    def __init__(self, account: str = "") -> None:
        super().__init__()
        self.account = account


class InvalidCredentials(SignInRefused):
    status_code = 401
    default_code = "invalid_credentials"
    default_detail = "No account has this login and password."


class AccountLocked(SignInRefused):
    status_code = 403
    default_code = "account_locked"
    default_detail = "An administrator has locked this account."


class InvalidRefreshToken(APIException):
    status_code = 401
    default_code = "token_invalid"
    default_detail = "The refresh token is not valid, has expired or was revoked. Sign in."


class ReusedRefreshToken(InvalidRefreshToken):
    default_code = "token_reused"
    default_detail = "The refresh token was used before: its session has ended. Sign in."

    def __init__(self, account: str) -> None:
        super().__init__()
        self.account = account


def authenticate(login: str, password: str, client: str) -> Account:
    """The account, if the password is its own and neither it nor the client has guessed too often."""
    account: Account | None = None
    try:
        account = store.read(login)
    except store.AccountMissing:
        pass
    client = limits.network_of(client)
    known = account is not None and limits.fingerprint(client) in account.clients
    subject = limits.of(login, client, known)
    limits.check(subject)
    # An unknown login takes as long as a wrong password, and counts like it.
    matches = passwords.verify_password(password, account.password_hash if account else None)
    if account is None or not matches:
        limits.record_failure(subject)
        raise InvalidCredentials(account.id if account else "")
    if account.locked:
        raise AccountLocked(account.id)
    return account


def begin(login: str, verified: Account, password: str, client: str) -> dict[str, object]:
    """Tokens of a new session, for whoever has just given the password."""
    name = store.new_id()
    renewed = (
        passwords.hash_password(password)
        if passwords.needs_rehash(verified.password_hash)
        else verified.password_hash
    )

    def add(account: Account) -> Account:
        _check_unchanged(account, verified)
        return replace(
            with_session(account, name),
            password_hash=renewed,
            clients=remembered(account.clients, client),
        )

    return _tokens(store.change(login, add), name)


def _check_unchanged(account: Account, verified: Account) -> None:
    """Raises if what was found when the password was compared does not hold any more."""
    if (account.id, account.password_hash) != (verified.id, verified.password_hash):
        raise InvalidCredentials()
    if account.locked:
        raise AccountLocked(account.id)


def with_session(account: Account, name: str) -> Account:
    """Adds a session, and drops those that have expired."""
    now = int(time.time())
    alive = sorted(
        (one for one in account.sessions.items() if one[1].expires > now),
        key=lambda one: one[1].rotated,
    )[-(MAX_SESSIONS - 1) :]
    return replace(account, sessions={**dict(alive), name: Session(1, now, now + REFRESH_SECONDS)})


def change_password(login: str, verified: Account, password: str) -> dict[str, object]:
    """Sets another password and ends all sessions; tokens of a new one."""
    name = store.new_id()
    encoded = passwords.hash_password(password)

    def put(account: Account) -> Account:
        _check_unchanged(account, verified)
        return with_session(replace(account.without_sessions(), password_hash=encoded), name)

    return _tokens(store.change(login, put), name)


def renew(claims: Claims) -> dict[str, object]:
    """Exchanges a refresh token for the next one. One that was spent ends its session: somebody else has it, too."""
    reused = False

    def rotate(account: Account) -> Account:
        nonlocal reused
        session = account.sessions.get(claims.session)
        if account.locked or account.token_version != claims.version or session is None:
            raise InvalidRefreshToken()
        now = int(time.time())
        if claims.number == session.number:
            following = Session(session.number + 1, now, now + REFRESH_SECONDS)
            return replace(account, sessions={**account.sessions, claims.session: following})
        if claims.number == session.number - 1 and now - session.rotated <= ROTATION_GRACE_SECONDS:
            return account
        reused = True
        others = {name: one for name, one in account.sessions.items() if name != claims.session}
        return replace(account, sessions=others)

    account = store.change_by_id(claims.account, rotate)
    if reused:
        raise ReusedRefreshToken(claims.account)
    return _tokens(account, claims.session)


def end(claims: Claims) -> None:
    """Ends the session of a refresh token."""

    def remove(account: Account) -> Account:
        others = {name: one for name, one in account.sessions.items() if name != claims.session}
        return replace(account, sessions=others)

    store.change_by_id(claims.account, remove)


def end_all(account_id: str, version: int | None = None) -> None:
    """Ends every session; only those of one version if it is given."""

    def end(account: Account) -> Account:
        # A repeated request must not revoke what was issued after the first one.
        if version is not None and account.token_version != version:
            return account
        return account.without_sessions()

    store.change_by_id(account_id, end)


def remembered(clients: tuple[str, ...], client: str) -> tuple[str, ...]:
    """Adds a client to those that an account knows."""
    newest = limits.fingerprint(limits.network_of(client))
    return (*(one for one in clients if one != newest), newest)[-MAX_CLIENTS:]


def _tokens(account: Account, session: str) -> dict[str, object]:
    claims = Claims(account.id, account.token_version, session, account.sessions[session].number)
    return {
        "access": issue(ACCESS, claims),
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "refresh": issue(REFRESH, claims),
    }
