"""The session of a browser: the page's own, no part of the API that is promised."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, sessions, store, tokens
from accounts.views import PublicView, log_event, renewed, signed_in


@extend_schema(exclude=True)
class BrowserSession(PublicView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        cookies.check_origin(request)

    def post(self, request: Request) -> Response:
        """Signs in."""
        return cookies.in_cookies(request, signed_in(request))

    def put(self, request: Request) -> Response:
        """Renews the session."""
        return cookies.in_cookies(request, renewed(request, cookies.read(request, tokens.REFRESH)))

    def delete(self, request: Request) -> Response:
        """Ends the session: this one only."""
        try:
            claims = tokens.verify(cookies.read(request, tokens.REFRESH), tokens.REFRESH)
            sessions.end(claims)
            log_event(request, "account.signed_out", claims.account, sessions="this one")
        except (tokens.InvalidToken, store.AccountMissing):
            # It has ended already; what is left of it in the browser goes, too.
            pass
        return cookies.forgotten(request)
