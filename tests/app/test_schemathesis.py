"""A running service keeps to its description."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from conftest import APP
from test_server import Server

HOOKS = {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(Path(__file__).parent)}
CONFIGURATION = """
[phases.stateful]
max-steps = 20
generation.max-examples = 10
# Only what the description says.
inference.algorithms = []
"""


TASKS = {f"v1_tasks_{action}" for action in ("retrieve", "update", "partial_update", "destroy")}
SESSIONS = {"v1_signin_create", "v1_token_refresh_create"}
ACCOUNTS = {f"v1_accounts_{action}_create" for action in ("lock", "unlock", "signout")}


@pytest.fixture
def running(tmp_path, group):
    """The service on a host of the group."""
    # A group that shrinks could end the host itself.
    group.update_auto_scaling_group(AutoScalingGroupName="web", MinSize=2, MaxSize=2)
    (described,) = group.describe_auto_scaling_groups()["AutoScalingGroups"]
    instance = described["Instances"][0]["InstanceId"]
    server = Server(tmp_path, {"INSTANCE_ID": instance})
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def followed(report: Path) -> Counter[str]:
    """How often each link of the description led from one answer to a request that succeeded."""
    links = Counter()
    for line in report.read_text().splitlines():
        (scenario,) = json.loads(line).values()
        recorded = scenario.get("recorder", {})
        for key, case in recorded.get("cases", {}).items():
            if case["is_transition_applied"]:
                # As in: POST /v1/tasks -> [201] v1_tasks_retrieve -> GET /v1/tasks/{id}
                link = case["transition"]["id"].split(" -> ")[1].split()[1]
                status = recorded["interactions"][key]["response"]["status_code"]
                links[link] += status < 300
    return links


@pytest.mark.parametrize(
    ("who", "links"),
    [("user", TASKS | SESSIONS), ("admin", TASKS | SESSIONS | ACCOUNTS)],
    ids=["user", "admin"],
)
def test_schemathesis_finds_nothing(running, request, tmp_path, who, links):
    account = request.getfixturevalue(who)
    token = account.tokens["access"]
    report = tmp_path / "report.ndjson"
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(configuration), "run", str(APP / "service/openapi.json")),
            *("--url", f"http://127.0.0.1:{running.port}"),
            *("--max-examples", "5", "--generation-deterministic"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--request-timeout", "20"),
            *("--header", "Host: service.example", "--header", f"Authorization: Bearer {token}"),
            *("--report", "ndjson", "--report-ndjson-path", str(report)),
            # It would end the session that the rest needs.
            *("--exclude-path", "/v1/signout"),
            # What a login and a password may be, no pattern can say.
            *("--exclude-checks", "positive_data_acceptance"),
            *("--no-color", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        env={**os.environ, **HOOKS, "OWN_ACCOUNT": account.key},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-20000:] + result.stderr[-2000:]
    # It has not stood before closed doors only.
    assert {link for link, times in followed(report).items() if times > 1} >= links, followed(
        report
    )
