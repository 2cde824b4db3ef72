import json
import os
import re
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

from certificates import Authority
from cluster import SERVICE
from conftest import APP, SERVICE_SECRET, manage, write_credentials
from core.environment import read_environment

DATABASE = {"username": "u", "password": "p", "dbname": "d", "host": "h", "port": 5432}


@pytest.fixture
def environ(tmp_path):
    directory = write_credentials(tmp_path / "credentials", DATABASE)
    return {
        "CREDENTIALS_DIRECTORY": str(directory),
        "ACCOUNT_BUCKET": "bucket",
        "AWS_REGION": "us-east-1",
    }


def faults(environ) -> list[str]:
    with pytest.raises(ImproperlyConfigured) as raised:
        read_environment(environ)
    return str(raised.value).splitlines()[1:]


SERVING = {
    "ALLOWED_HOSTS": "a.example",
    "INSTANCE_ID": "i-1",
    "RUNTIME_DIRECTORY": "/run/app",
    "DATABASE_POOL_SIZE": "4",
}


def change_secret(environ, **changes) -> None:
    secret = {**SERVICE_SECRET, **changes}
    secret = {name: value for name, value in secret.items() if value is not None}
    path = f"{environ['CREDENTIALS_DIRECTORY']}/service.json"
    with open(path, "w") as file:
        json.dump(secret, file)


def test_values(environ):
    hosts = "balancer.example:8080 service.example [::1]:80 10.0.0.1"
    values = read_environment({**environ, **SERVING, "ALLOWED_HOSTS": hosts})
    assert values.allowed_hosts == ["balancer.example", "service.example", "[::1]", "10.0.0.1"]
    assert list(values.token_keys) == ["new", "old"]
    assert values.database == DATABASE
    assert values.database_pool_size == 4
    assert values.database_ca_file == ""


def test_all_that_the_boot_script_writes_is_read(environ):
    script = (APP.parent / "userdata/web.sh").read_text()
    file = re.search(r"<<ENV\n(.*?)\nENV\n", script, re.DOTALL)[1]
    written = re.findall("^([A-Z_]+)=", file, re.MULTILINE)
    read = set()

    class Watched(dict):
        def get(self, name, default=None):
            read.add(name)
            return super().get(name, default)

    read_environment(Watched(environ))
    assert {*written} <= read
    assert len(written) >= 6


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("", False)])
def test_flags(environ, text, value):
    assert read_environment({**environ, "LEGACY_ROUTES": text}).legacy_routes is value


def test_a_flag_that_is_none(environ):
    assert faults({**environ, "LEGACY_ROUTES": "yes"}) == [
        "- LEGACY_ROUTES is 'yes': give true or false"
    ]


def test_origins(environ):
    assert read_environment(environ).cors_origins == []
    two = "https://a.example http://localhost:8080"
    assert read_environment({**environ, "CORS_ORIGINS": two}).cors_origins == two.split()
    assert faults({**environ, "CORS_ORIGINS": "https://a.example *"}) == [
        "- CORS_ORIGINS has '*': give scheme, name and port, such as https://app.acme.co"
    ]


def test_members_of_the_secret_that_nobody_needs_do_not_matter(environ):
    change_secret(environ, another="p" * 64)
    assert read_environment(environ).secret_key == SERVICE_SECRET["secretKey"]


def test_a_generated_key_is_taken_as_it_is(environ):
    key = "aB3-" * 10 + "xyz"
    change_secret(environ, secretKey=key, tokenKeys=[{"kid": "k", "key": key}])
    values = read_environment(environ)
    assert (values.secret_key, values.token_keys) == (key, {"k": key.encode()})


def test_every_fault_is_named_at_once():
    assert [line.split()[1] for line in faults({})] == [
        "CREDENTIALS_DIRECTORY",
        "ACCOUNT_BUCKET",
        "AWS_REGION",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_CA_FILE", "/nowhere/ca.pem"),
        ("DATABASE_POOL_SIZE", "many"),
        ("CREDENTIALS_DIRECTORY", "/nowhere"),
    ],
)
def test_bad_value(environ, variable, value):
    for line in faults({**environ, variable: value}):
        assert variable in line and value in line


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"secretKey": None}, "secretKey"),
        ({"tokenKeys": []}, "tokenKeys"),
        ({"tokenKeys": [{"kid": "k", "key": "short"}]}, "the key k of tokenKeys"),
        ({"tokenKeys": [{"kid": "k"}]}, "tokenKeys"),
        ({"tokenKeys": "text"}, "tokenKeys"),
        ({"tokenKeys": [{"kid": "k", "key": 5}]}, "the key k of tokenKeys"),
        ({"secretKey": "short"}, "secretKey"),
    ],
)
def test_bad_service_secret(environ, change, named):
    change_secret(environ, **change)
    (line,) = faults(environ)
    assert named in line and "service.json" in line
    # What is wrong may be told; the secret may not.
    assert "n" * 64 not in line


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_bad_credential_file(environ, text):
    with open(f"{environ['CREDENTIALS_DIRECTORY']}/database.json", "w") as file:
        file.write(text)
    (line,) = faults(environ)
    assert "database.json" in line


def test_commands_say_what_is_wrong():
    result = manage("check", environ={"ACCOUNT_BUCKET": ""}, check=False)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].startswith("- ACCOUNT_BUCKET is not set: ")


@pytest.mark.parametrize("variable", ["ALLOWED_HOSTS", "INSTANCE_ID", "RUNTIME_DIRECTORY"])
def test_serving_needs_more(environ, variable):
    (line,) = faults({**environ, **SERVING, variable: ""})
    assert line.startswith(f"- {variable} is not set: ")


def test_server_says_what_is_wrong():
    result = subprocess.run(
        [sys.executable, "-m", "service"],
        check=False,
        cwd=APP,
        env={**os.environ, "ACCOUNT_BUCKET": "", "INSTANCE_ID": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode != 0
    assert [line.split()[:2] for line in result.stderr.splitlines()] == [
        ["The", "service"],
        ["-", "ACCOUNT_BUCKET"],
        ["-", "INSTANCE_ID"],
    ]


def test_deployment_checks():
    call_command("check", deploy=True, fail_level="WARNING")


def test_migrations_match_the_models():
    call_command("makemigrations", check_changes=True, dry_run=True)
    connection.close()


def test_schema_is_up_to_date(tmp_path):
    file = tmp_path / "openapi.json"
    call_command(
        "spectacular", validate=True, fail_on_warn=True, format="openapi-json", file=str(file)
    )
    command = "manage.py spectacular --format openapi-json --file service/openapi.json"
    assert file.read_text() == (APP / "service/openapi.json").read_text(), f"run {command}"


def test_database_is_verified_by_name(cluster, tmp_path):
    ca_file = str(cluster.ca_file)

    def connects(host: str, ca: str) -> bool:
        directory = tmp_path / f"{host}-{len(os.listdir(tmp_path))}"
        secret = {**cluster.secret(SERVICE, "service"), "host": host}
        write_credentials(directory, secret)
        environ = {"CREDENTIALS_DIRECTORY": str(directory), "DATABASE_CA_FILE": ca}
        result = manage("migrate", "--check", environ=environ, check=False)
        assert result.returncode == 0 or re.search("SSL error|certificate", result.stderr)
        return result.returncode == 0

    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(Authority().pem)
    assert connects("localhost", ca_file)
    assert not connects("127.0.0.1", ca_file)
    assert not connects("localhost", str(stranger))
