"""App configuration."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import AppConfig

# Longer than the event of a deletion is ever on its way to the database.
ORPHANS_OF = timedelta(days=7)


class TasksConfig(AppConfig):
    """Tasks go with their account."""

    name = "tasks"

    def ready(self) -> None:
        from accounts.signals import account_deleted
        from activity.signals import housekeeping

        account_deleted.connect(_delete_tasks, dispatch_uid="tasks")
        housekeeping.connect(_delete_orphans, dispatch_uid="tasks")


def _delete_tasks(account: str, **kwargs: Any) -> None:
    from django.db import connection

    from tasks.models import Task

    Task.objects.filter(owner=account).delete()
    # The bucket is asked next: while it hangs, the connection serves others.
    connection.close()


def _delete_orphans(**kwargs: Any) -> None:
    """An access token outlives its account by minutes: what it has added meanwhile goes, too."""
    from activity.models import Event
    from core.identifiers import first_id_at
    from tasks.models import Task

    deleted = Event.objects.filter(
        event="account.deleted", id__gte=first_id_at(datetime.now(UTC) - ORPHANS_OF)
    )
    Task.objects.filter(owner__in=deleted.values("account")).delete()
