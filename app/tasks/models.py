"""Tasks."""

from django.db import models
from django.db.models.functions import Lower

from core.identifiers import uuid7


class Task(models.Model):
    """One thing to do. It belongs to an account, which the database knows by key only."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.CharField(max_length=64, editable=False)
    title = models.CharField(max_length=200)
    done = models.BooleanField(default=False, db_default=False)
    # Grows by one with each change: what an ETag says, and If-Match asks for.
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    # What the creating request called itself, and a digest of its body: for a day, the same again is the same task.
    idempotency_key = models.CharField(max_length=64, null=True, editable=False)
    idempotency_digest = models.CharField(max_length=64, null=True, editable=False)

    class Meta:
        # The lists of one owner, a page at a time, in either direction.
        indexes = (
            models.Index(fields=["owner", "created_at", "id"], name="tasks_owner_created"),
            models.Index("owner", Lower("title"), "id", name="tasks_owner_title"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="tasks_owner_idempotency_key",
            ),
        )

    def __str__(self) -> str:
        return self.title
