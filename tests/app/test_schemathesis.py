"""A running service keeps to its description."""

import subprocess
import sys

import pytest

from conftest import APP
from test_server import Server


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


@pytest.mark.parametrize("who", ["user", "admin"])
def test_schemathesis_finds_nothing(running, request, tmp_path, who):
    token = request.getfixturevalue(who).tokens["access"]
    configuration = tmp_path / "schemathesis.toml"
    configuration.touch()
    result = subprocess.run(
        [
            *(sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"),
            *("--config-file", str(configuration), "run", str(APP / "service/openapi.json")),
            *("--url", f"http://127.0.0.1:{running.port}"),
            *("--max-examples", "5", "--generation-deterministic"),
            *("--phases", "examples,coverage,fuzzing,stateful", "--request-timeout", "20"),
            *("--header", "Host: service.example", "--header", f"Authorization: Bearer {token}"),
            # It would end the session that the rest needs.
            *("--exclude-path", "/v1/signout"),
            # What a login and a password may be, no pattern can say.
            *("--exclude-checks", "positive_data_acceptance"),
            *("--no-color", "--continue-on-failure"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-20000:] + result.stderr[-2000:]
