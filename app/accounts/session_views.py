"""The session of a browser, in cookies: what the page uses."""

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import cookies, sessions, store, tokens
from accounts.serializers import Credentials, Session
from accounts.views import TOO_MANY_FAILURES, PublicView, log_event, renewed, signed_in

_REFUSED = {
    401: OpenApiResponse(description="The credentials, or the session, are not valid."),
    403: OpenApiResponse(description="Another site asks, or the account is locked."),
}


@extend_schema(
    parameters=[
        OpenApiParameter(
            cookies.HEADER,
            str,
            OpenApiParameter.HEADER,
            required=True,
            enum=[cookies.HEADER_VALUE],
            description="No form of another site can send it.",
        )
    ]
)
class BrowserSession(PublicView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        cookies.check_origin(request)

    @extend_schema(
        request=Credentials, responses={200: Session, **_REFUSED, 429: TOO_MANY_FAILURES}
    )
    def post(self, request: Request) -> Response:
        """Signs in."""
        return cookies.in_cookies(request, signed_in(request))

    @extend_schema(request=None, responses={200: Session, **_REFUSED})
    def put(self, request: Request) -> Response:
        """Renews the session."""
        return cookies.in_cookies(request, renewed(request, cookies.read(request, tokens.REFRESH)))

    @extend_schema(responses={204: None, 403: _REFUSED[403]})
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
