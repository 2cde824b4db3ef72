"""Tasks as JSON."""

from rest_framework import serializers

from tasks.models import Task


class TaskSerializer(serializers.ModelSerializer[Task]):
    class Meta:
        model = Task
        fields = ("id", "title", "done", "created_at", "updated_at")
