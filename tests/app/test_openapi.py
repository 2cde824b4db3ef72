"""The API's description is complete."""

import json

from django.urls import get_resolver

from conftest import APP

DOCUMENT = json.loads((APP / "service/openapi.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")


def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def served() -> set[tuple[str, str]]:
    """The operations of the views, by the paths as urls.py has them."""
    return {
        (f"/{pattern.pattern}", method)
        for pattern in get_resolver().url_patterns
        if str(pattern.pattern).startswith("v1/") and hasattr(pattern.callback, "view_class")
        for method in METHODS
        if hasattr(pattern.callback.view_class, method)
    }


def test_every_operation_is_described():
    converters = {"/v1/tasks/{id}": "/v1/tasks/<uuid:pk>"}
    described = {
        (converters.get(path, path.replace("{account}", "<slug:account>")), method)
        for path, method, _ in operations()
        if path.startswith("/v1/")
    }
    assert described == served()


def test_every_refusal_is_a_problem():
    for path, method, operation in operations():
        if not path.startswith("/v1/"):
            continue
        assert operation["responses"].keys() >= {"400", "406", "503"}, (path, method)
        for status, response in operation["responses"].items():
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"], (path, status)
            if status in ("429", "503"):
                assert "Retry-After" in response["headers"], (path, status)
