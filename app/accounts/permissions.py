"""Who may do what."""

from drf_spectacular.utils import OpenApiResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import store
from accounts.authentication import principal

# How the API's schema describes the refusal.
ADMINISTRATORS_ONLY = OpenApiResponse(description="Only an administrator may do this.")


class SignedOut(AuthenticationFailed):
    default_code = "token_invalid"
    default_detail = "The account has signed out since. Sign in."


class IsAdministrator(BasePermission):
    """Asks the account itself: a role that was taken away, or a sign-out, counts at once."""

    message = "Only an administrator may do this."
    code = "not_administrator"

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = principal(request)
        try:
            account = store.read_by_id(user.account)
        except store.AccountMissing as error:
            raise SignedOut() from error
        if account.token_version != user.token_version:
            raise SignedOut()
        return account.role == "admin"
