"""`manage.py retain_activity DAYS`: how long the activity log keeps events."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError, connection


class Command(BaseCommand):
    help = "Sets how many days the activity log keeps events. Only the owner of its table may."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("days", type=int)

    def handle(self, *args: object, days: int, **options: Any) -> None:
        if days < 1:
            raise CommandError(f"{days} days: give at least 1.")
        try:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE activity_retention SET days = %s", [days])
        except ProgrammingError as error:
            raise CommandError(f"Run this as the owner of the tables: {error}") from error
        finally:
            connection.close()
        self.stdout.write(f"The activity log keeps events for {days} days.")
