"""Sign-up, sign-in, refresh and sign-out."""

import logging
from dataclasses import replace
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts import passwords, store, tokens
from accounts.authentication import principal
from accounts.serializers import (
    AccessToken,
    CreatedAccount,
    Credentials,
    NewCredentials,
    RefreshToken,
    Tokens,
)

logger = logging.getLogger(__name__)


class LoginTaken(APIException):
    status_code = 409
    default_code = "login_taken"
    default_detail = "This login is taken."


class InvalidCredentials(APIException):
    status_code = 401
    default_code = "invalid_credentials"
    default_detail = "No account has this login and password."


class InvalidRefreshToken(APIException):
    status_code = 401
    default_code = "token_invalid"
    default_detail = "The refresh token is not valid, has expired or was revoked. Sign in."


class PublicView(APIView):
    """A view for those who have no access token yet."""

    authentication_classes = ()
    permission_classes = ()

    def body(self, serializer_class: type[Serializer[Any]]) -> dict[str, str]:
        serializer = serializer_class(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        body: dict[str, str] = serializer.validated_data
        return body


class SignUp(PublicView):
    @extend_schema(request=NewCredentials, responses={201: CreatedAccount})
    def post(self, request: Request) -> Response:
        """Creates an account. Of any number of requests for one login, one succeeds."""
        body = self.body(NewCredentials)
        key = store.account_key(body["login"])
        account = store.Account(passwords.hash_password(body["password"]))
        try:
            store.create(key, account)
        except store.AccountExists as error:
            raise LoginTaken() from error
        _log("signed up", key)
        return Response({"id": key}, 201)


class SignIn(PublicView):
    @extend_schema(request=Credentials, responses=Tokens)
    def post(self, request: Request) -> Response:
        """Exchanges login and password for tokens."""
        body = self.body(Credentials)
        key = store.account_key(body["login"])
        account: store.Account | None = None
        try:
            account = store.read(key)
        except store.AccountMissing:
            pass
        encoded = account.password_hash if account else None
        if not passwords.verify_password(body["password"], encoded) or account is None:
            _log("sign-in refused", key)
            raise InvalidCredentials()
        if passwords.needs_rehash(account.password_hash):
            _rehash(key, account, body["password"])
        _log("signed in", key)
        refresh = tokens.issue(tokens.REFRESH, key, account.token_version)
        return Response({**_access(key, account), "refresh": refresh})


class Refresh(PublicView):
    @extend_schema(request=RefreshToken, responses=AccessToken)
    def post(self, request: Request) -> Response:
        """Exchanges a refresh token, unless it was revoked, for a new access token."""
        try:
            claims = tokens.verify(self.body(RefreshToken)["refresh"], tokens.REFRESH)
            account = store.read(claims.account)
        except (tokens.InvalidToken, store.AccountMissing) as error:
            raise InvalidRefreshToken() from error
        if account.token_version != claims.version:
            raise InvalidRefreshToken()
        return Response(_access(claims.account, account))


class SignOut(APIView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revokes every refresh token of the account. Access tokens expire within minutes."""
        version = principal(request).token_version

        def revoke(account: store.Account) -> store.Account:
            # A repeated request must not revoke what was issued after the first one.
            if account.token_version != version:
                return account
            return replace(account, token_version=version + 1)

        try:
            store.change(principal(request).account, revoke)
        except store.AccountMissing:
            pass
        _log("signed out", principal(request).account)
        return Response(status=204)


def _access(key: str, account: store.Account) -> dict[str, Any]:
    return {
        "access": tokens.issue(tokens.ACCESS, key, account.token_version),
        "token_type": "Bearer",
        "expires_in": tokens.ACCESS_SECONDS,
    }


def _rehash(key: str, account: store.Account, password: str) -> None:
    encoded = passwords.hash_password(password)

    def update(current: store.Account) -> store.Account:
        # The password may have been changed meanwhile.
        if current.password_hash != account.password_hash:
            return current
        return replace(current, password_hash=encoded)

    try:
        store.change(key, update)
    except store.StoreUnavailable:
        # The next sign-in tries again; this one has succeeded.
        logger.warning("could not renew a password hash")


def _log(event: str, key: str) -> None:
    logger.info(event, extra={"fields": {"account": key}})
