"""Sign-up, sign-in, and what users do with their own accounts."""

from datetime import datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts import cookies, passwords, rules, sessions, store, tokens
from accounts.authentication import principal
from accounts.permissions import SignedOut
from accounts.serializers import (
    AccountSerializer,
    CreatedAccount,
    Credentials,
    NewCredentials,
    NewPassword,
    Password,
    RefreshToken,
    Tokens,
)
from accounts.signals import account_deleted
from activity import log
from activity.models import EventName

TOO_MANY_FAILURES = OpenApiResponse(description="Too many sign-ins have failed. Try again later.")
REFUSED = OpenApiResponse(description="The password is wrong, or the account is locked.")


class LoginTaken(APIException):
    status_code = 409
    default_code = "login_taken"
    default_detail = "This login is taken."


class WrongPassword(APIException):
    # Not 401: the token is good.
    status_code = 403
    default_code = "wrong_password"
    default_detail = "This is not the account's password."


def body(request: Request, serializer_class: type[Serializer[Any]]) -> dict[str, Any]:
    """The validated body of a request."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def client_of(request: Request) -> str:
    """The client's address, which the outermost layer has taken from the load balancer."""
    address: str = request.META["REMOTE_ADDR"]
    return address


def log_event(
    request: Request, event: EventName, account: str = "", object: str = "", **details: str
) -> None:
    """Records what an account did, to itself unless an object is given."""
    if account:
        # The access log names it, too.
        request.META["service.account"] = account
    log.record(
        request,
        event,
        account=account,
        object=object or account,
        **details,
    )


def log_once(request: Request, event: EventName, account: str, at: str) -> None:
    """Records the beginning or the end of an account, which a repeated request tells again."""
    request.META["service.account"] = account
    log.record_once(request, event, account, datetime.fromisoformat(at))


def log_refusal(request: Request, error: APIException) -> None:
    """Records a refused sign-in."""
    # Nobody has proved to be the account's owner: it is what this happened to.
    target = error.account if isinstance(error, sessions.SignInRefused) else ""
    reason = str(error.get_codes())
    log.record_refusal(request, "account.sign_in_refused", object=target, reason=reason)


class PublicView(APIView):
    """A view for those who have no access token yet."""

    authentication_classes = ()
    permission_classes = ()


class SignUp(PublicView):
    @extend_schema(
        request=NewCredentials,
        responses={
            201: CreatedAccount,
            409: OpenApiResponse(description="The login is taken."),
            429: TOO_MANY_FAILURES,
        },
    )
    def post(self, request: Request) -> Response:
        """Creates an account. Of any number of requests for one login with different passwords, one succeeds.

        The same login and password again answers like the first time: a reply can get lost.
        """
        given = body(request, NewCredentials)
        login, password = given["login"], given["password"]
        client = client_of(request)
        account = store.Account(
            passwords.hash_password(password), clients=sessions.remembered((), client)
        )
        try:
            store.create(login, account)
        except store.AccountExists:
            try:
                account = sessions.authenticate(login, password, client)
            except APIException as error:
                log_refusal(request, error)
                if isinstance(error, sessions.SignInRefused):
                    raise LoginTaken() from error
                raise
        log_once(request, "account.signed_up", account.id, account.created_at)
        return Response({"id": account.id}, 201)


def signed_in(request: Request) -> dict[str, object]:
    """Tokens for the login and password of a request."""
    given = body(request, Credentials)
    login, password, client = given["login"], given["password"], client_of(request)
    try:
        account = sessions.authenticate(login, password, client)
        answer = sessions.begin(login, account, password, client)
    except APIException as error:
        log_refusal(request, error)
        raise
    log_event(request, "account.signed_in", account.id)
    return answer


def renewed(request: Request, refresh: str) -> dict[str, object]:
    """Tokens for a refresh token."""
    try:
        return sessions.renew(tokens.verify(refresh, tokens.REFRESH))
    except (tokens.InvalidToken, store.AccountMissing) as error:
        raise sessions.InvalidRefreshToken() from error
    except sessions.ReusedRefreshToken as error:
        log_event(request, "account.token_reused", error.account)
        raise


class SignIn(PublicView):
    @extend_schema(
        request=Credentials,
        responses={
            200: Tokens,
            401: OpenApiResponse(description="No account has this login and password."),
            403: OpenApiResponse(description="The account is locked."),
            429: TOO_MANY_FAILURES,
        },
    )
    def post(self, request: Request) -> Response:
        """Exchanges login and password for tokens."""
        return Response(signed_in(request))


class Refresh(PublicView):
    @extend_schema(
        request=RefreshToken,
        responses={
            200: Tokens,
            401: OpenApiResponse(description="The refresh token is not valid any more."),
        },
    )
    def post(self, request: Request) -> Response:
        """Exchanges a refresh token for new tokens. It is good for one use; a second one ends the session."""
        return Response(renewed(request, body(request, RefreshToken)["refresh"]))


class SignOut(APIView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Ends every session of the account. Access tokens expire within minutes."""
        user = principal(request)
        try:
            sessions.end_all(user.account, user.token_version)
        except store.AccountMissing:
            pass
        log_event(request, "account.signed_out", user.account)
        return Response(status=204)


def described(login: str, account: store.Account) -> dict[str, Any]:
    """What may be told of an account."""
    return dict(AccountSerializer({**account.to_document(), "login": login}).data)


class OwnAccount(APIView):
    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request) -> Response:
        """One's own account."""
        user = principal(request)
        try:
            login = store.login_of(user.account)
            account = store.read_by_id(user.account)
        except store.AccountMissing as error:
            raise SignedOut() from error
        return Response(described(login, account))


def reauthenticated(request: Request, password: str) -> tuple[str, store.Account]:
    """Login and account of whoever is signed in and knows the password."""
    user = principal(request)
    try:
        login = store.login_of(user.account)
        account = sessions.authenticate(login, password, client_of(request))
    except store.AccountMissing as error:
        raise SignedOut() from error
    except APIException as error:
        who = user.account
        log.record_refusal(
            request,
            "account.password_refused",
            account=who,
            object=who,
            reason=str(error.get_codes()),
        )
        if not isinstance(error, sessions.InvalidCredentials):
            raise
        raise (WrongPassword() if error.account == who else SignedOut()) from error
    if (account.id, account.token_version) != (user.account, user.token_version):
        raise SignedOut()
    return login, account


# To the session of a browser, tokens are given in cookies.
_AS_KEPT = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Tokens", "Session")]}


class ChangePassword(APIView):
    @extend_schema(
        request=NewPassword,
        responses={
            200: OpenApiResponse(_AS_KEPT, "Tokens, or a session in cookies for who has one."),
            403: REFUSED,
            429: TOO_MANY_FAILURES,
        },
    )
    def put(self, request: Request) -> Response:
        """Sets another password, ends all sessions and begins a new one."""
        given = body(request, NewPassword)
        login, account = reauthenticated(request, given["password"])
        rules.check_new_password(given["new_password"], login)
        answer = sessions.change_password(login, account, given["new_password"])
        log_event(request, "account.password_changed", account.id)
        return cookies.delivered(request, answer)


class DeleteAccount(APIView):
    @extend_schema(request=Password, responses={204: None, 403: REFUSED, 429: TOO_MANY_FAILURES})
    def post(self, request: Request) -> Response:
        """Deletes one's own account and all that belongs to it. The login cannot be had again for 30 days."""
        given = body(request, Password)
        account_id = principal(request).account
        try:
            # A reply can get lost: there is nothing left to ask a password for.
            deletion = store.deletion_of(account_id)
            if deletion is None:
                reauthenticated(request, given["password"])
            account_deleted.send(sender=type(self), account=account_id)
            deletion = deletion or store.delete(account_id)
        except store.AccountMissing as error:
            raise SignedOut() from error
        log_once(request, "account.deleted", account_id, deletion.changed_at)
        return Response(status=204)
