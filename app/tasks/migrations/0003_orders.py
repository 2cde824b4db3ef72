import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The fleet that serves goes on writing meanwhile.
    atomic = False

    dependencies = [("tasks", "0002_versions")]

    operations = [
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(fields=["owner", "created_at", "id"], name="tasks_owner_created"),
        ),
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(
                models.F("owner"),
                django.db.models.functions.text.Lower("title"),
                models.F("id"),
                name="tasks_owner_title",
            ),
        ),
        RemoveIndexConcurrently(model_name="task", name="tasks_owner_newest"),
    ]
