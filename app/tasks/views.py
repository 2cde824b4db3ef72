"""The tasks of the account that asks. Those of others do not exist for it."""

from django.utils import timezone
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListCreateAPIView, RetrieveUpdateDestroyAPIView

from tasks.models import Task
from tasks.pagination import NewestFirst
from tasks.serializers import TaskSerializer


class TaskList(ListCreateAPIView):
    """Lists the tasks, newest first, or adds one."""

    serializer_class = TaskSerializer
    pagination_class = NewestFirst

    def get_queryset(self):
        return Task.objects.filter(owner=self.request.user.account)

    def perform_create(self, serializer):
        serializer.save(owner=self.request.user.account)


class TaskDetail(RetrieveUpdateDestroyAPIView):
    """Reads, changes or deletes a task."""

    serializer_class = TaskSerializer
    http_method_names = ("get", "patch", "delete", "head", "options")

    def get_queryset(self):
        return Task.objects.filter(owner=self.request.user.account)

    def perform_update(self, serializer):
        # Only the columns that were sent: two changes of different ones must not undo each other.
        task = serializer.instance
        changes = {**serializer.validated_data, "updated_at": timezone.now()}
        if not self.get_queryset().filter(pk=task.pk).update(**changes):
            raise NotFound()
        for name, value in changes.items():
            setattr(task, name, value)
