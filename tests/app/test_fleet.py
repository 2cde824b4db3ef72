from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse

from accounts import store
from activity import spool
from core import aws
from fake_aws import desired
from fleet import groups


def test_read(admin, group):
    response = admin("GET", "/v1/fleet")
    assert response.status_code == 200
    body = response.json
    assert (body["name"], body["minimum"], body["maximum"], body["desired"]) == ("web", 1, 4, 2)
    assert len(body["instances"]) == 2
    assert set(body["instances"][0]) == {"id", "zone", "state", "health"}


def test_resize_is_idempotent(admin, group, monkeypatch, caplog):
    with caplog.at_level("INFO"):
        response = admin("PUT", "/v1/fleet", {"desired": 3})
    (event,) = [record.fields for record in caplog.records if record.message == "fleet.resized"]
    assert (event["account"], event["object"]) == (admin.key, "web")
    assert event["details"] == {"from": 2, "to": 3}
    assert (response.status_code, response.json["desired"]) == (200, 3)
    assert desired(group) == 3
    monkeypatch.setattr(groups, "set_desired", None)
    assert admin("PUT", "/v1/fleet", {"desired": 3}).status_code == 200


@pytest.mark.parametrize("size", [0, 5, 10**12])
def test_outside_the_limits(admin, group, size):
    response = admin("PUT", "/v1/fleet", {"desired": size})
    assert (response.status_code, response.json["code"]) == (422, "out_of_bounds")
    assert "1 to 4" in response.json["detail"]
    assert desired(group) == 2


@pytest.mark.parametrize("body", [{}, {"desired": -1}, {"desired": "x"}, {"desired": 1.5}, []])
def test_bad_bodies(admin, group, body):
    assert admin("PUT", "/v1/fleet", body).status_code == 400


def test_administrators_only(api, user, group):
    for method, body in (("GET", None), ("PUT", {"desired": 3})):
        response = user(method, "/v1/fleet", body)
        assert (response.status_code, response.json["code"]) == (403, "not_administrator")
        assert api(method, "/v1/fleet", body).status_code == 401
    assert desired(group) == 2


def test_sign_out_and_lost_role_count_at_once(admin, group):
    assert admin("POST", "/v1/signout").status_code == 204
    response = admin("GET", "/v1/fleet")
    assert (response.status_code, response.json["code"]) == (401, "token_invalid")
    admin.tokens = admin.sign_in().json
    assert admin("GET", "/v1/fleet").status_code == 200
    store.change(admin.login, lambda account: replace(account, role="user"))
    assert admin("GET", "/v1/fleet").status_code == 403


def test_a_group_that_has_just_gone(admin, group, monkeypatch):
    client = aws.autoscaling()
    monkeypatch.setattr(
        client, "describe_auto_scaling_groups", lambda **_: {"AutoScalingGroups": []}
    )
    response = admin("GET", "/v1/fleet")
    assert (response.status_code, response.json["code"]) == (503, "fleet_unavailable")


def test_host_outside_a_group(admin):
    response = admin("GET", "/v1/fleet")
    assert (response.status_code, response.json["code"]) == (503, "fleet_unavailable")


@pytest.mark.parametrize(
    ("code", "status"), [("ScalingActivityInProgress", 409), ("AccessDenied", 503)]
)
def test_refusal_of_the_api(admin, group, code, status):
    client = aws.autoscaling()

    def refuse(request, **kwargs):
        if "SetDesiredCapacity" in str(request.body):
            body = f"<R><Error><Code>{code}</Code></Error></R>".encode()
            raw = SimpleNamespace(stream=lambda **_: iter([body]))
            return AWSResponse(request.url, 400, {}, raw)
        return None

    client.meta.events.register("before-send.auto-scaling", refuse)
    try:
        assert admin("PUT", "/v1/fleet", {"desired": 3}).status_code == status
    finally:
        client.meta.events.unregister("before-send.auto-scaling", refuse)


@pytest.fixture
def activities(monkeypatch):
    """What the group has done; moto knows of nothing."""
    asked = []
    started = datetime(2026, 1, 1, tzinfo=UTC)
    done = [
        {
            "ActivityId": "2",
            "StartTime": started,
            "StatusCode": "InProgress",
            "Description": "Launching a new EC2 instance: i-2",
            "Cause": "a user request",
        },
        {
            "ActivityId": "1",
            "StartTime": started,
            "EndTime": started + timedelta(seconds=30),
            "StatusCode": "Successful",
            "Cause": "another",
        },
    ]

    def describe(**options):
        asked.append(options)
        return {"Activities": done[: options["MaxRecords"]]}

    monkeypatch.setattr(aws.autoscaling(), "describe_scaling_activities", describe)
    return asked


def history(caller, query=""):
    response = caller("GET", f"/v1/fleet/history{query}")
    assert response.status_code == 200, response.text
    return response.json


def test_history_of_activities(admin, group, activities):
    assert history(admin)["activities"] == [
        {
            "id": "2",
            "started_at": "2026-01-01T00:00:00Z",
            "ended_at": None,
            "status": "InProgress",
            "description": "Launching a new EC2 instance: i-2",
            "cause": "a user request",
        },
        {
            "id": "1",
            "started_at": "2026-01-01T00:00:00Z",
            "ended_at": "2026-01-01T00:00:30Z",
            "status": "Successful",
            "description": "",
            "cause": "another",
        },
    ]
    assert len(history(admin, "?limit=1")["activities"]) == 1
    assert activities[-1] == {"AutoScalingGroupName": "web", "MaxRecords": 1}


def test_history_of_changes(admin, user, group, activities):
    for size in (3, 4, 4, 99):
        admin("PUT", "/v1/fleet", {"desired": size})
    user("POST", "/v1/tasks", {"title": "another event"})
    spool.drain()
    changes = history(admin, "?limit=2")["changes"]
    assert [(one["from"], one["to"]) for one in changes] == [(3, 4), (2, 3)]
    assert {one["account"] for one in changes} == {admin.key}
    assert changes[0].keys() == {"at", "account", "from", "to"}
    assert changes[0]["at"] > changes[1]["at"]


def test_history_without_the_database(admin, group, activities, database_away):
    told = history(admin)
    assert told["changes"] is None
    assert len(told["activities"]) == 2


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?since=2026-01-01"])
def test_history_of_what_cannot_be_asked(admin, query):
    response = admin("GET", f"/v1/fleet/history{query}")
    assert (response.status_code, response.json["code"]) == (400, "invalid")
    assert response.json["errors"][0]["field"] == query[1:].partition("=")[0]


def test_history_while_the_fleet_cannot_be_asked(admin):
    response = admin("GET", "/v1/fleet/history")
    assert (response.status_code, response.json["code"]) == (503, "fleet_unavailable")


def test_history_is_for_administrators(api, user):
    assert api("GET", "/v1/fleet/history").status_code == 401
    assert user("GET", "/v1/fleet/history").status_code == 403
