"""App configuration."""

from typing import Any

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """Tasks go with their account."""

    name = "tasks"

    def ready(self) -> None:
        from accounts.signals import account_deleted

        account_deleted.connect(_delete_tasks, dispatch_uid="tasks")


def _delete_tasks(account: str, **kwargs: Any) -> None:
    from django.db import connection

    from tasks.models import Task

    Task.objects.filter(owner=account).delete()
    # The bucket is asked next: while it hangs, the connection serves others.
    connection.close()
