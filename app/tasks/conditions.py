"""What a request expects of the task that it names: If-Match and If-None-Match (RFC 9110, 13.1)."""

import re

from django.utils.http import parse_etags
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from tasks.changes import Versions
from tasks.models import Task

_ANY = ["*"]
_TAG = r'(W/)?"[!#-~\x80-\xff]*"'
# What either header may be.
TAGS = rf"^(\*|{_TAG}([ \t]*,[ \t]*{_TAG})*)$"


def etag(task: Task) -> str:
    """Changes with everything that is told of the task."""
    return f'"{task.version}"'


def expected_versions(request: Request) -> Versions:
    """The versions that If-Match names; none for any. Only strong tags match."""
    tags = _tags(request, "If-Match")
    if tags in ([], _ANY):
        return None
    return [int(tag[1:-1]) for tag in tags if re.fullmatch('"[0-9]{1,9}"', tag)]


def must_exist(request: Request) -> bool:
    """Whether there is an If-Match."""
    return bool(_tags(request, "If-Match"))


def must_be_new(request: Request) -> bool:
    """Whether there is an `If-None-Match: *`, the only one that makes sense for a change."""
    value = request.headers.get("If-None-Match")
    if value not in (None, "*"):
        raise ValidationError({"If-None-Match": ["Give *, or leave it out."]})
    return value is not None


def is_known(request: Request, task: Task) -> bool:
    """Whether the client has what it asks for."""
    tags = _tags(request, "If-None-Match")
    return tags == _ANY or etag(task) in [tag.removeprefix("W/") for tag in tags]


def _tags(request: Request, name: str) -> list[str]:
    value = request.headers.get(name)
    if value is None:
        return []
    if not re.fullmatch(TAGS, value):
        raise ValidationError({name: [f'Give tags in double quotes, such as "1", not {value}.']})
    return parse_etags(value)
