"""Pages of other origins: those that a setting names may use the API."""

PAGE = "https://page.example"


def preflight(api, origin, path="/v1/tasks", method="PUT", header="authorization"):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": header,
    }
    return api("OPTIONS", path, headers=headers)


def test_a_page_may_ask_first(api):
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        response = preflight(api, PAGE, method=method)
        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        assert method in response.headers["Access-Control-Allow-Methods"]
    allowed = response.headers["Access-Control-Allow-Headers"].split(", ")
    assert {"authorization", "content-type", "idempotency-key", "if-match", "if-none-match"} == {
        *allowed
    }


def test_a_page_reads_answers_and_errors(user, api):
    created = user("POST", "/v1/tasks", {"title": "one"}, headers={"Origin": PAGE})
    refused = api("GET", "/v1/tasks", headers={"Origin": PAGE})
    assert (created.status_code, refused.status_code) == (201, 401)
    for response in (created, refused):
        assert response.headers["Access-Control-Allow-Origin"] == PAGE
        assert "origin" in response.headers["Vary"].lower()
        exposed = response.headers["Access-Control-Expose-Headers"].lower()
        assert {"etag", "location", "retry-after"} <= {*exposed.split(", ")}


def test_no_cookies(user, api):
    """A session in cookies is for the service's own page."""
    response = user("GET", "/v1/tasks", headers={"Origin": PAGE})
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "x-session" not in preflight(api, PAGE).headers["Access-Control-Allow-Headers"].lower()


def test_no_other_origin_and_no_other_path(user, api):
    for origin in ("https://page.example.evil.example", "http://page.example", "null"):
        for response in (
            preflight(api, origin),
            user("GET", "/v1/tasks", headers={"Origin": origin}),
        ):
            assert not [name for name, _ in response.headers if "access-control" in name.lower()]
    assert "Access-Control-Allow-Origin" not in preflight(api, PAGE, "/docs").headers
