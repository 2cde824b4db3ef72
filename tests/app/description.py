"""Holds what the service answers to its description."""

import json
import re
from functools import cache

import jsonschema

from conftest import APP

DOCUMENT = json.loads((APP / "service/openapi.json").read_text())
PROBLEM = "application/problem+json"

# What has been answered: operation, path as described, status.
Seen = tuple[str, str, str]
seen: set[Seen] = set()


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def described() -> set[Seen]:
    return {
        (method, path, status)
        for path, method, operation in operations()
        for status in operation["responses"]
    }


def path_of(path: str) -> str | None:
    """The path as described. Those without parameters come first."""
    for candidate in sorted(DOCUMENT["paths"], key=lambda one: "{" in one):
        if re.fullmatch(re.sub("{[^}]+}", "[^/]+", candidate), path):
            return candidate
    return None


@cache
def validator(schema: str) -> jsonschema.Draft202012Validator:
    # References into the document find what they name.
    whole = {**json.loads(schema), "components": DOCUMENT["components"]}
    return jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def validate(value, schema: dict) -> None:
    validator(json.dumps(schema)).validate(value)


def check(method: str, target: str, response) -> None:
    """Raises unless the answer is one that the description has."""
    path = path_of(target.partition("?")[0])
    method, status = method.lower(), str(response.status_code)
    # Of methods that are not there, the description says nothing; nor of old routes, which become new ones.
    if path is None or method not in DOCUMENT["paths"][path]:
        return
    answers = DOCUMENT["paths"][path][method]["responses"]
    assert status in answers, f"{method} {path}: {status} is not described: {response.text}"
    seen.add((method, path, status))
    answer = answers[status]
    for name, header in answer.get("headers", {}).items():
        if header.get("required"):
            assert name in response.headers, f"{method} {path}: {status} without {name}"
        if name in response.headers:
            validate(response.headers[name], header["schema"])
    if "content" not in answer:
        assert not response.body, f"{method} {path}: {status} with a body"
        return
    media_type = response.headers["Content-Type"]
    assert media_type in answer["content"], f"{method} {path}: {status} is {media_type}"
    validate(response.json, answer["content"][media_type]["schema"])
