"""What a login and a password may be."""

import re
import unicodedata

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError

_LOGIN = re.compile(r"[\w.@+-]{3,64}")
_common = CommonPasswordValidator()


def normalize_login(login: str) -> str:
    """The form in which logins are compared: NFKC, case folded."""
    folded = unicodedata.normalize("NFKC", login.strip()).casefold()
    # Case folding can undo the composition.
    return unicodedata.normalize("NFKC", folded)


def normalize_password(password: str) -> str:
    """One form for what keyboards encode differently (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def check_login(login: str) -> None:
    """Raises a validation error unless the normalized login may be an account's."""
    if not _LOGIN.fullmatch(login):
        raise ValidationError(
            "A login has 3 to 64 letters, digits and . @ + - _", code="login_invalid"
        )


def check_password(password: str, login: str) -> None:
    """Raises a validation error unless the normalized password may protect the account."""
    if not 8 <= len(password) <= 128:
        raise ValidationError("A password has 8 to 128 characters.", code="password_length")
    if normalize_login(password) == login:
        raise ValidationError("The password must not be the login.", code="password_is_login")
    try:
        _common.validate(password)
    except DjangoValidationError as error:
        raise ValidationError(
            "The password is among the most common ones.", code="password_too_common"
        ) from error
