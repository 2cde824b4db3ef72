"""The paths of the API. Those of the health checks are in service.edge."""

from django.urls import path

from accounts import admin_views as administration
from accounts import views as accounts
from accounts.activity_views import Activity
from accounts.session_views import BrowserSession
from fleet.history import HistoryView
from fleet.views import FleetView
from legacy.routes import SUCCESSORS
from legacy.views import retired
from service.docs import DocsView, schema
from tasks.views import TaskDetail, TaskList

urlpatterns = [
    path("v1/signup", accounts.SignUp.as_view()),
    path("v1/signin", accounts.SignIn.as_view()),
    path("v1/token/refresh", accounts.Refresh.as_view()),
    path("v1/signout", accounts.SignOut.as_view()),
    path("v1/session", BrowserSession.as_view()),
    path("v1/account", accounts.OwnAccount.as_view()),
    path("v1/account/password", accounts.ChangePassword.as_view()),
    path("v1/account/delete", accounts.DeleteAccount.as_view()),
    path("v1/accounts", administration.AccountList.as_view()),
    path("v1/accounts/<slug:account>/lock", administration.Lock.as_view()),
    path("v1/accounts/<slug:account>/unlock", administration.Unlock.as_view()),
    path("v1/accounts/<slug:account>/signout", administration.EndSessions.as_view()),
    path("v1/tasks", TaskList.as_view()),
    path("v1/tasks/<uuid:pk>", TaskDetail.as_view()),
    path("v1/activity", Activity.as_view()),
    path("v1/fleet", FleetView.as_view()),
    path("v1/fleet/history", HistoryView.as_view()),
    path("v1/schema", schema, name="schema"),
    path("docs", DocsView.as_view(url_name="schema"), name="docs"),
    *(path(name, retired) for name in SUCCESSORS),
]

handler400 = "core.problems.bad_request"
handler404 = "core.problems.not_found"
handler500 = "core.problems.server_error"
