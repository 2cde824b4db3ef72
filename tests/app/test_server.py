"""The service as a host runs it: gunicorn with its own settings, in processes of its own."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cluster import free_port
from conftest import APP


class Server:
    """gunicorn over a copy of the application, prepared as the image prepares it."""

    def __init__(self, directory: Path, environ: dict | None = None) -> None:
        self.port = free_port()
        source = directory / "src"
        shutil.copytree(APP, source, ignore=shutil.ignore_patterns("__pycache__", "staticfiles"))
        bare = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput",
             "--settings=service.static_settings"],
            cwd=source, env=bare, check=True, capture_output=True,
        )  # fmt: skip
        self.log = directory / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "--config", source / "gunicorn.conf.py",
                 "--bind", f"127.0.0.1:{self.port}"],
                cwd="/",
                env={key: value for key, value in os.environ.items() if key != "DATABASE_POOL_SIZE"}
                | (environ or {}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def wait(self) -> None:
        for _ in range(1200):
            if self.process.poll() is not None:
                raise RuntimeError(self.log.read_text())
            if "Booting worker" in self.log.read_text():
                break
            time.sleep(0.05)
        assert self("GET", "/livez")[0].status == 200

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def __call__(self, method: str, path: str, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            content = None if body is None else json.dumps(body)
            base = {"Host": "service.example", "Content-Type": "application/json"}
            connection.request(method, path, content, base | (headers or {}))
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def test_health(server):
    for path in ("/livez", "/healthcheck", "/readyz"):
        response, _ = server("GET", path, headers={"Host": "10.10.0.7:8000"})
        assert response.status == 200
        assert response.headers["X-Instance-Id"] == "i-0123456789abcdef0"
        assert response.headers["Connection"] == "keep-alive"


def test_racing_sign_ups_make_one_account(server):
    credentials = {"login": "everybody@example.com", "password": "the same password"}
    with ThreadPoolExecutor(20) as pool:
        requests = [pool.submit(server, "POST", "/v1/signup", credentials) for _ in range(20)]
        statuses = sorted(request.result()[0].status for request in requests)
    assert statuses == [201] + [409] * 19
    assert server("POST", "/v1/signin", credentials)[0].status == 200


def test_tasks_over_http(server):
    credentials = {"login": "over-http", "password": "some long password"}
    assert server("POST", "/v1/signup", credentials)[0].status == 201
    token = json.loads(server("POST", "/v1/signin", credentials)[1])["access"]
    headers = {"Authorization": f"Bearer {token}"}
    response, _ = server("POST", "/v1/tasks", {"title": "over HTTP"}, headers)
    assert response.status == 201
    _, body = server("GET", "/v1/tasks", headers=headers)
    assert [task["title"] for task in json.loads(body)["results"]] == ["over HTTP"]


def test_https_is_known_by_the_header_of_the_load_balancer(server):
    response, _ = server("GET", "/v1/tasks", headers={"X-Forwarded-Proto": "https"})
    assert "max-age=31536000" in response.headers["Strict-Transport-Security"]
    response, _ = server("GET", "/v1/tasks", headers={"X-Forwarded-Proto": "http"})
    assert "Strict-Transport-Security" not in response.headers


def test_body_without_length_is_refused(server):
    headers = {"Transfer-Encoding": "chunked"}
    response, body = server("POST", "/v1/signin", headers=headers)
    assert (response.status, json.loads(body)["code"]) == (411, "length_required")


def test_documentation_page_and_its_files(server):
    response, body = server("GET", "/docs")
    assert response.status == 200
    page = body.decode()
    assert "<script>" not in page
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "unsafe-eval" not in policy
    files = [part.split('"')[0] for part in page.split('"/static/')[1:]]
    assert len(files) >= 3
    for name in files:
        response, _ = server("GET", f"/static/{name}")
        assert response.status == 200
        assert "immutable" in response.headers["Cache-Control"]
    script, _ = server("GET", "/docs?script=")
    assert script.headers["Content-Type"].startswith("application/javascript")


def test_log_and_graceful_stop(server):
    trace = "Root=1-67891233-abcdef012345678912345678"
    forwarded = "203.0.113.9, 198.51.100.7"
    headers = {"X-Amzn-Trace-Id": trace, "X-Forwarded-For": forwarded}
    server("GET", "/v1/nothing?secret=query", headers=headers)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait() == 0
    lines = server.lines()
    (line,) = [line for line in lines if line.get("trace") == trace]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/v1/nothing", 404)
    assert line["client"] == "198.51.100.7"
    assert not any(line.get("path") == "/livez" for line in lines)
    # Every account key in the log is a key; the logins stay out of it.
    text = server.log.read_text()
    assert "everybody" not in text and "password" not in text and "secret=query" not in text
    assert not [line for line in lines if line["level"] in ("warning", "error")]
