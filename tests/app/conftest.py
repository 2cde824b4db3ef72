"""One PostgreSQL cluster and one moto for the whole run; the service in this process on top of them."""

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest
from hypothesis import configuration

APP = Path(__file__).resolve().parents[2] / "app"
sys.path.insert(0, str(APP))
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

from asgi_client import ask
from cluster import OWNER, SERVICE, Cluster

SERVICE_SECRET = {
    "secretKey": "0123456789abcdef" * 4,
    "tokenKeys": [{"kid": "new", "key": "n" * 64}, {"kid": "old", "key": "o" * 64}],
}


def write_credentials(directory: Path, database: dict, service: dict = SERVICE_SECRET) -> Path:
    """Writes a credentials directory as systemd would give it."""
    directory.mkdir()
    (directory / "service.json").write_text(json.dumps(service))
    (directory / "database.json").write_text(json.dumps(database))
    return directory


def manage(*arguments: str, environ: dict | None = None, check: bool = True):
    """Runs a management command in a process of its own."""
    result = subprocess.run(
        [sys.executable, str(APP / "manage.py"), *arguments],
        check=False,
        env={**os.environ, "DATABASE_POOL_SIZE": "", **(environ or {})},
        capture_output=True,
        text=True,
    )
    if check and result.returncode:
        raise RuntimeError(f"{arguments}: {result.stdout}{result.stderr}")
    return result


def pytest_configure(config):
    config.directory = tempfile.TemporaryDirectory(prefix="django-on-ec2-tests-")
    base = Path(config.directory.name)
    configuration.set_hypothesis_home_dir(base / "hypothesis")
    config.cluster = Cluster()
    config.cluster.create_database("service")
    service = write_credentials(base / "service", config.cluster.secret(SERVICE, "service"))
    config.owner = write_credentials(base / "owner", config.cluster.secret(OWNER, "service"))
    runtime = base / "runtime"
    runtime.mkdir()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
        "ACCOUNT_BUCKET": "accounts",
        "ALLOWED_HOSTS": "localhost:8000 service.example",
        "INSTANCE_ID": "i-0123456789abcdef0",
        "RUNTIME_DIRECTORY": str(runtime),
        "CREDENTIALS_DIRECTORY": str(service),
        "DATABASE_POOL_SIZE": "4",
        "CORS_ORIGINS": "https://page.example",
        "DJANGO_SETTINGS_MODULE": "service.settings",
    }
    import fake_aws

    config.moto = fake_aws.Moto()
    os.environ["AWS_ENDPOINT_URL"] = config.moto.url
    fake_aws.boto3.client("s3", region_name=fake_aws.REGION).create_bucket(Bucket=fake_aws.BUCKET)
    manage("migrate_locked", environ={"CREDENTIALS_DIRECTORY": str(config.owner)})
    import django

    django.setup()


def pytest_unconfigure(config):
    if hasattr(config, "moto"):
        from django.db import connection

        connection.close()
        connection.close_pool()
        config.moto.stop()
    if hasattr(config, "cluster"):
        config.cluster.remove()
    if hasattr(config, "directory"):
        config.directory.cleanup()


def eventually(holds) -> None:
    """Waits until something holds, for as long as a busy machine may take."""
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "it does not come to hold"
        time.sleep(0.01)


class Api:
    """The whole application, as the load balancer sees it. Every answer is held to the description."""

    def __init__(self) -> None:
        import description
        from service.asgi import application

        self.application = application
        self.check = description.check

    def __call__(self, method: str, path: str, body=None, token: str = "", headers=None, **options):
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        content_type = options.pop("content_type", "application/json" if body is not None else "")
        if content_type:
            headers["Content-Type"] = content_type
        if body is not None:
            options["data"] = json.dumps(body).encode()
        response = ask(self.application, method, path, headers, **options)
        self.check(method, path, response)
        return response


class User:
    """An account that has signed in."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.login = f"user-{uuid.uuid4().hex}"
        self.password = f"password of {self.login[:12]}"
        self.key = api("POST", "/v1/signup", self.credentials).json["id"]
        self.tokens = self.sign_in().json

    @property
    def credentials(self) -> dict:
        return {"login": self.login, "password": self.password}

    def sign_in(self):
        return self.api("POST", "/v1/signin", self.credentials)

    def __call__(self, method: str, path: str, body=None, **options):
        return self.api(method, path, body, token=self.tokens["access"], **options)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def user(api):
    return User(api)


@pytest.fixture
def other(api):
    return User(api)


@pytest.fixture
def admin(api):
    from dataclasses import replace

    from accounts import store

    user = User(api)
    store.change(user.login, lambda account: replace(account, role="admin"))
    return user


@pytest.fixture
def group(settings_with):
    """An auto scaling group of two hosts, one of which is this one."""
    import fake_aws

    client = fake_aws.boto3.client("autoscaling", region_name=fake_aws.REGION)
    client.create_launch_configuration(
        LaunchConfigurationName="web", ImageId="ami-12345678", InstanceType="t3.micro"
    )
    client.create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchConfigurationName="web",
        AvailabilityZones=["us-east-1a"],
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=2,
    )
    described = client.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    instance = described["AutoScalingGroups"][0]["Instances"][0]["InstanceId"]
    with settings_with(instance_id=instance):
        yield client
    client.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)
    client.delete_launch_configuration(LaunchConfigurationName="web")


@pytest.fixture
def no_time_passes(monkeypatch):
    """For the limits on failed sign-ins, however long a busy machine takes."""
    from types import SimpleNamespace

    from accounts import limits

    now = time.time()
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def cluster(pytestconfig):
    return pytestconfig.cluster


@pytest.fixture
def s3_faults(pytestconfig):
    from fake_aws import S3Faults

    faults = S3Faults(pytestconfig.moto)
    yield faults
    faults.remove()
    assert not any(faults.planned.values()), "a planned fault was not met"


@pytest.fixture
def database_away(cluster, monkeypatch):
    """The database is stopped; it is back, and the service has noticed, when the test has ended."""
    from django.db import connection

    from service.health import readiness

    connection.ensure_connection()
    pool = connection.pool
    connection.close()
    # How long a request waits for a database that is away does not matter here.
    monkeypatch.setattr(pool, "timeout", 0.2)

    cluster.stop()
    yield
    cluster.start()
    for _ in range(50):
        if readiness()["database"]["ok"]:
            return
    raise AssertionError("the service did not find the database again")


@pytest.fixture
def settings_with(monkeypatch):
    """Replaces values of the configuration that the service has read."""
    from contextlib import contextmanager
    from dataclasses import replace

    from core import environment

    @contextmanager
    def override(**values):
        changed = replace(environment.current(), **values)
        with monkeypatch.context() as patch:
            patch.setattr(environment, "current", lambda: changed)
            yield

    return override
