"""What a login and a password may be."""

import itertools
import re
import unicodedata

import regex
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework.exceptions import ValidationError

MIN_LOGIN, MAX_LOGIN = 3, 64
MIN_PASSWORD, MAX_PASSWORD = 15, 128
# What must be left of a password without the words that anyone would try first.
MIN_UNGUESSABLE = 6

# UAX #31: identifiers, which may begin with a digit here, with a few more characters as in mail addresses.
_IDENTIFIER = regex.compile(r"[\p{XID_Continue}.@+-]+")
_INVISIBLE = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]")
# UAX #31, tables 5 and 7: scripts in use today.
_ALONE = [
    "Arabic",
    "Armenian",
    "Bengali",
    "Cyrillic",
    "Devanagari",
    "Ethiopic",
    "Georgian",
    "Greek",
    "Gujarati",
    "Gurmukhi",
    "Hebrew",
    "Kannada",
    "Khmer",
    "Lao",
    "Malayalam",
    "Myanmar",
    "Oriya",
    "Sinhala",
    "Tamil",
    "Telugu",
    "Thaana",
    "Thai",
    "Tibetan",
    "Adlam",
    "Balinese",
    "Bamum",
    "Batak",
    "Canadian_Aboriginal",
    "Chakma",
    "Cham",
    "Cherokee",
    "Javanese",
    "Kayah_Li",
    "Lepcha",
    "Limbu",
    "Lisu",
    "Mandaic",
    "Meetei_Mayek",
    "New_Tai_Lue",
    "Newa",
    "Nko",
    "Nyiakeng_Puachue_Hmong",
    "Ol_Chiki",
    "Osage",
    "Saurashtra",
    "Sundanese",
    "Syloti_Nagri",
    "Syriac",
    "Tai_Le",
    "Tai_Tham",
    "Tai_Viet",
    "Tifinagh",
    "Vai",
    "Wancho",
    "Yi",
]
# UTS #39, "highly restrictive": one script, or those that are written together.
_TOGETHER = (
    ("Latin", "Han", "Hiragana", "Katakana"),
    ("Latin", "Han", "Bopomofo"),
    ("Latin", "Han", "Hangul"),
    *((name,) for name in _ALONE),
)


def _written_in(scripts: tuple[str, ...]) -> regex.Pattern[str]:
    names = (*scripts, "Common", "Inherited")
    return regex.compile("[" + "".join(rf"\p{{scx={name}}}" for name in names) + "]+")


_SCRIPTS = tuple(map(_written_in, _TOGETHER))

# Words of this service.
_CONTEXT = ("django", "tasks", "task", "service", "fleet")
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm")
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
    if not MIN_LOGIN <= len(login) <= MAX_LOGIN:
        raise ValidationError(
            f"A login has {MIN_LOGIN} to {MAX_LOGIN} characters.", code="login_length"
        )
    if found := _INVISIBLE.search(login):
        raise ValidationError(
            f"A login has no invisible characters such as U+{ord(found[0]):04X}.",
            code="login_invisible",
        )
    if not _IDENTIFIER.fullmatch(login):
        raise ValidationError(
            "A login has letters and digits of any script and . @ + - _", code="login_invalid"
        )
    if not any(scripts.fullmatch(login) for scripts in _SCRIPTS):
        raise ValidationError(
            "A login does not mix scripts whose letters look alike.", code="login_confusable"
        )


def check_password(password: str, login: str) -> None:
    """Raises a validation error unless the normalized password may protect the account (NIST SP 800-63B-4).

    No rule asks for certain kinds of characters. Refused is what is tried first: common passwords, also repeated or with
    an ending, runs of the keyboard, and whatever is little more than the login and the service's name.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise ValidationError(
            f"A password has {MIN_PASSWORD} to {MAX_PASSWORD} characters.", code="password_length"
        )
    folded = password.casefold()
    rest = folded
    for word in sorted({login, *re.split(r"[.@+_-]+", login), *_CONTEXT}, key=len, reverse=True):
        if len(word) >= MIN_LOGIN:
            rest = rest.replace(word, "")
    if len(re.sub(r"[\W\d_]+", "", rest)) + len(set(re.findall(r"\d", rest))) < MIN_UNGUESSABLE:
        raise ValidationError(
            "The password is little more than the login, the service's name or a few digits.",
            code="password_guessable",
        )
    unit = _unit(folded)
    stem = re.sub(r"[\W\d_]+$", "", unit)
    if any(map(_is_common, (folded, unit, stem))) or _is_run(unit):
        raise ValidationError(
            "The password is among those that are tried first.", code="password_too_common"
        )


def _unit(text: str) -> str:
    """What a text consists of, repeated."""
    return text[: (text + text).index(text, 1)]


def _is_common(password: str) -> bool:
    try:
        _common.validate(password)
    except DjangoValidationError:
        return True
    return len(password) < 2


def _is_run(text: str) -> bool:
    """Whether a text is neighbours of the keyboard or the alphabet, in either direction."""
    pairs = {a + b for run in _RUNS for a, b in itertools.pairwise(run)}
    pairs |= {pair[::-1] for pair in pairs}
    steps = [text[index : index + 2] for index in range(len(text) - 1)]
    return sum(step in pairs for step in steps) >= 0.8 * len(steps)


def check_new_password(password: str, login: str) -> None:
    """As check_password, for a body that calls it `new_password`."""
    try:
        check_password(password, login)
    except ValidationError as error:
        raise ValidationError({"new_password": error.detail}) from error
