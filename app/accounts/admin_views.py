"""What administrators do with the accounts of others."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import rules, store
from accounts.authentication import principal
from accounts.permissions import ADMINISTRATORS_ONLY, IsAdministrator
from accounts.serializers import AccountPage, AccountQuery, AccountSerializer
from accounts.store import Account
from accounts.views import described, log_event
from activity.models import EventName

_readers = ThreadPoolExecutor(8, "accounts-list")


class OwnAccountRefused(APIException):
    status_code = 409
    default_code = "own_account"
    default_detail = "Administrators do not lock themselves out."


class AdminView(APIView):
    permission_classes = (IsAuthenticated, IsAdministrator)


class AccountList(AdminView):
    @extend_schema(
        parameters=[AccountQuery], responses={200: AccountPage, 403: ADMINISTRATORS_ONLY}
    )
    def get(self, request: Request) -> Response:
        """Accounts in the order of their logins, a page at a time, also those with a prefix only."""
        query = AccountQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        prefix, cursor = (
            rules.normalize_login(query.validated_data[name]) for name in ("prefix", "cursor")
        )
        limit: int = query.validated_data["limit"]
        # One more than asked for tells whether there is another page.
        found = store.logins(prefix, cursor, limit + 1)
        page = found[:limit]
        results = [one for one in _readers.map(_described, page) if one]
        return Response({"results": results, "next_cursor": page[-1] if found[limit:] else None})


def _described(login: str) -> dict[str, Any] | None:
    try:
        return described(login, store.read(login))
    except store.AccountMissing:
        # Deleted: the login is only kept from being had again.
        return None


class AccountAction(AdminView):
    """Something that is done to one account."""

    event: EventName

    @extend_schema(request=None, responses={200: AccountSerializer, 403: ADMINISTRATORS_ONLY})
    def post(self, request: Request, account: str) -> Response:
        try:
            changed = store.change_by_id(account, self.change(request, account))
            login = store.login_of(account)
        except store.AccountMissing as error:
            raise NotFound() from error
        log_event(request, self.event, principal(request).account, account)
        return Response(described(login, changed))

    @abstractmethod
    def change(self, request: Request, account: str) -> Callable[[Account], Account]:
        """What is done to the account; raises what the administrator is to hear instead."""


@extend_schema_view(
    post=extend_schema(
        responses={
            200: AccountSerializer,
            403: ADMINISTRATORS_ONLY,
            409: OpenApiResponse(description="It is one's own account."),
        }
    )
)
class Lock(AccountAction):
    """Ends the account's sessions, and lets nobody sign in to it."""

    event = "account.locked"

    def change(self, request: Request, account: str) -> Callable[[Account], Account]:
        if account == principal(request).account:
            raise OwnAccountRefused()
        return lambda account: (
            account if account.locked else replace(account.without_sessions(), locked=True)
        )


class Unlock(AccountAction):
    """Lets its owner sign in again."""

    event = "account.unlocked"

    def change(self, request: Request, account: str) -> Callable[[Account], Account]:
        return lambda account: replace(account, locked=False)


class EndSessions(AccountAction):
    """Signs the account out everywhere."""

    event = "account.sessions_ended"

    def change(self, request: Request, account: str) -> Callable[[Account], Account]:
        return lambda account: account.without_sessions()
