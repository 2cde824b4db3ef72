"""Bodies of the account requests and responses."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts import rules
from core.serializers import StrictSerializer, Text


class PasswordField(Text):
    """A password, normalized."""

    def __init__(self, **options: Any) -> None:
        # Anything longer than this cannot be a password of ours; it is not even normalized.
        super().__init__(max_length=1024, trim_whitespace=False, write_only=True, **options)

    def to_internal_value(self, data: Any) -> str:
        return rules.normalize_password(super().to_internal_value(data))


class Credentials(StrictSerializer):
    """A login and its password, normalized."""

    login = Text(max_length=256)
    password = PasswordField()

    def validate_login(self, login: str) -> str:
        return rules.normalize_login(login)


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


class Password(StrictSerializer):
    password = PasswordField(help_text="The present one.")


class NewPassword(Password):
    new_password = PasswordField()


class CreatedAccount(serializers.Serializer[Any]):
    id = serializers.CharField()


class AccountSerializer(serializers.Serializer[Any]):
    """What may be told of an account: neither a password nor a hash."""

    id = serializers.CharField()
    login = serializers.CharField()
    role = serializers.CharField()
    locked = serializers.BooleanField()
    created_at = serializers.CharField()
    changed_at = serializers.CharField()


class AccountPage(serializers.Serializer[Any]):
    results = AccountSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AccountQuery(StrictSerializer):
    prefix = serializers.CharField(default="", allow_blank=True, max_length=64)
    cursor = serializers.CharField(default="", allow_blank=True, max_length=64)
    limit = serializers.IntegerField(required=False, default=20, min_value=1, max_value=100)


class RefreshToken(StrictSerializer):
    refresh = Text(max_length=4096)


class Session(serializers.Serializer[Any]):
    """What is told of a session whose tokens are in cookies."""

    expires_in = serializers.IntegerField(help_text="Seconds.")


class Tokens(serializers.Serializer[Any]):
    access = serializers.CharField()
    token_type = serializers.CharField(default="Bearer")
    expires_in = serializers.IntegerField(help_text="Seconds.")
    refresh = serializers.CharField(help_text="Good for one use.")
