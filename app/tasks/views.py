"""The tasks of the account that asks. Those of others do not exist for it."""

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListCreateAPIView, RetrieveUpdateDestroyAPIView
from rest_framework.serializers import BaseSerializer

from accounts.authentication import principal
from tasks.models import Task
from tasks.pagination import NewestFirst
from tasks.serializers import TaskSerializer


class TaskList(ListCreateAPIView[Task]):
    """Lists the tasks, newest first, or adds one."""

    serializer_class = TaskSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.filter(owner=principal(self.request).account)

    def perform_create(self, serializer: BaseSerializer[Task]) -> None:
        serializer.save(owner=principal(self.request).account)


class TaskDetail(RetrieveUpdateDestroyAPIView[Task]):
    """Reads, changes or deletes a task."""

    serializer_class = TaskSerializer
    http_method_names = ("get", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Task]:
        return Task.objects.filter(owner=principal(self.request).account)

    def perform_update(self, serializer: BaseSerializer[Task]) -> None:
        # Only the columns that were sent: two changes of different ones must not undo each other.
        task = serializer.instance
        assert task is not None
        changes = {**serializer.validated_data, "updated_at": timezone.now()}
        if not self.get_queryset().filter(pk=task.pk).update(**changes):
            raise NotFound()
        for name, value in changes.items():
            setattr(task, name, value)
