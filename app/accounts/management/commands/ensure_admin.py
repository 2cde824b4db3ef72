"""`manage.py ensure_admin FILE`: makes the administrator's account what FILE says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import passwords, store
from accounts.serializers import NewCredentials


class Command(BaseCommand):
    help = "Creates or updates the administrator's account. Running it again changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help='JSON: {"login": …, "password": …}')

    def handle(self, *args: object, file: Path, **options: Any) -> None:
        try:
            data = json.loads(file.read_text())
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} cannot be read as JSON: {error}") from error
        serializer = NewCredentials(data=data)
        if not serializer.is_valid():
            raise CommandError(f"{file}: {serializer.errors}")
        login, password = (serializer.validated_data[k] for k in ("login", "password"))

        def update(account: store.Account) -> store.Account:
            account = replace(account, role="admin", locked=False)
            if passwords.verify_password(password, account.password_hash):
                return account
            return replace(
                account.without_sessions(), password_hash=passwords.hash_password(password)
            )

        try:
            try:
                before = store.read(login)
                outcome = "unchanged" if store.change(login, update) == before else "updated"
            except store.AccountMissing:
                store.create(login, store.Account(passwords.hash_password(password), role="admin"))
                outcome = "created"
        except store.AccountExists as error:
            raise CommandError(f"{file}: the login was deleted less than 30 days ago.") from error
        except store.StoreUnavailable as error:
            raise CommandError("The account bucket cannot be used: see the line above.") from error
        self.stdout.write(f"Administrator's account {outcome}.")
