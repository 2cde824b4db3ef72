"""Tasks as JSON."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from tasks.models import Task


class TaskSerializer(serializers.ModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ("id", "title", "done", "created_at", "updated_at")

    def to_representation(self, instance: Task) -> dict[str, Any]:
        # Fields that are built anew for each request and asked one by one took a fifth of a list's time.
        return {
            "id": str(instance.id),
            "title": instance.title,
            "done": instance.done,
            "created_at": _time(instance.created_at),
            "updated_at": _time(instance.updated_at),
        }


def _time(value: datetime) -> str:
    """As REST framework would write it."""
    return value.isoformat().removesuffix("+00:00") + "Z"
