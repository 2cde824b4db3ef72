"""Bodies of the account requests and responses."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts import rules


class Credentials(serializers.Serializer[Any]):
    """A login and its password, normalized."""

    login = serializers.CharField(max_length=256)
    # Anything longer than this cannot be a password of ours; it is not even normalized.
    password = serializers.CharField(max_length=1024, trim_whitespace=False, write_only=True)

    def validate_login(self, login: str) -> str:
        return rules.normalize_login(login)

    def validate_password(self, password: str) -> str:
        return rules.normalize_password(password)


class NewCredentials(Credentials):
    """Credentials that obey the rules."""

    def validate_login(self, login: str) -> str:
        login = super().validate_login(login)
        rules.check_login(login)
        return login

    def validate(self, credentials: dict[str, str]) -> dict[str, str]:
        try:
            rules.check_password(credentials["password"], credentials["login"])
        except ValidationError as error:
            raise ValidationError({"password": error.detail}) from error
        return credentials


class CreatedAccount(serializers.Serializer[Any]):
    id = serializers.CharField(help_text="Derived from the login; not the login itself.")


class RefreshToken(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096)


class AccessToken(serializers.Serializer[Any]):
    access = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class Tokens(AccessToken):
    refresh = serializers.CharField()
