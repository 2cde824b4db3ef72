"""The service as a host runs it, in processes of its own."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from cluster import free_port
from conftest import APP, eventually


def unit_environment() -> dict[str, str]:
    """What the service's unit sets."""
    script = (APP.parent / "userdata/django.sh").read_text()
    (line,) = re.findall("^Environment=(.*)$", script, re.MULTILINE)
    return dict(pair.split("=") for pair in line.split())


class Server:
    """The server over a copy of the application, prepared as the image prepares it."""

    def __init__(self, directory: Path, environ: dict[str, str] | None = None) -> None:
        self.port = free_port()
        source = directory / "src"
        shutil.copytree(APP, source, ignore=shutil.ignore_patterns("__pycache__", "staticfiles"))
        bare = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput",
             "--settings=service.static_settings"],
            cwd=source, env=bare, check=True, capture_output=True,
        )  # fmt: skip
        bundles = source.glob("staticfiles/**/swagger-ui-bundle.*.js")
        self.script = str(next(bundles).relative_to(source / "staticfiles"))
        self.log = directory / "log"
        self.notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notified.bind(str(directory / "notify"))
        self.notified.settimeout(60)
        listening = {"NOTIFY_SOCKET": self.notified.getsockname()}
        listening |= {"ADDRESS": "127.0.0.1", "PORT": str(self.port)}
        runtime = directory / "run"
        runtime.mkdir()
        listening["RUNTIME_DIRECTORY"] = str(runtime)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service"],
                cwd=source,
                env={**os.environ, **unit_environment(), **listening, **(environ or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def wait(self) -> None:
        """Until the server answers."""

        def serves() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            with suppress(OSError):
                return self("GET", "/livez")[0].status == 200
            return False

        eventually(serves)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.notified.close()

    def workers(self) -> list[int]:
        """Ids of the processes that answer."""
        parent = self.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
        return [int(pid) for pid in children.split()]

    def memory(self) -> float:
        """The proportional set size of the server and its workers, in MiB."""
        pids = (self.process.pid, *self.workers())
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
        return (
            sum(int(re.search(r"^Pss: +(\d+)", text, re.MULTILINE)[1]) for text in rollups) / 1024
        )

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def __call__(self, method: str, path: str, body=None, headers=None):
        connection = self.connect()
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
        if server.process.poll():
            pytest.fail(f"the server has ended: {server.log.read_text()[-5000:]}")
    finally:
        server.stop()


def test_systemd_is_told(server):
    assert server.notified.recv(100) == b"READY=1"


def test_the_application_is_loaded_before_the_workers_are_forked(server):
    # The process that starts them has what it would not need itself.
    assert "/psycopg_binary/" in Path(f"/proc/{server.process.pid}/maps").read_text()


def test_what_is_loaded_before_the_fork():
    script = """
import gc, sys, threading
from service import __main__ as server
server._preload()
from core import aws
print("service.asgi" in sys.modules, "tasks.views" in sys.modules)
print(aws._client.cache_info().currsize, gc.get_freeze_count() > 100_000, threading.active_count())
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=APP, check=True, capture_output=True, text=True)
    assert result.stdout.split() == ["True", "True", "1", "True", "1"], result.stderr


def test_health(server):
    # The first connections to the database may take a while on a busy machine.
    eventually(lambda: server("GET", "/readyz")[0].status == 200)
    for path in ("/livez", "/healthcheck", "/readyz"):
        response, _ = server("GET", path, headers={"Host": "10.10.0.7:8000"})
        assert response.status == 200
        assert response.headers["X-Instance-Id"] == "i-0123456789abcdef0"
        assert response.headers["Connection"] is None


def test_racing_sign_ups_make_one_account(server):
    def sign_up(password: str) -> tuple[int, str]:
        body = {"login": "everybody@example.com", "password": password}
        while True:
            response, content = server("POST", "/v1/signup", body)
            # Busy with password hashes: the client tries again.
            if response.status != 503:
                return response.status, json.loads(content).get("id", "")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(sign_up, ["the same long password"] * 20))
        others = list(pool.map(sign_up, [f"the {number}th long password" for number in range(5)]))
    # Whoever gives the same password gets the same answer, and there is one account.
    assert set(answers) == {(201, answers[0][1])}
    assert set(others) == {(409, "")}


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


def test_a_body_without_length_is_read(server):
    connection = server.connect()
    connection.putrequest("POST", "/v1/signin", skip_host=True)
    connection.putheader("Host", "service.example")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders([b'{"login": "", ', b'"password": ""}'], encode_chunked=True)
    errors = json.loads(connection.getresponse().read())["errors"]
    connection.close()
    assert [error["code"] for error in errors] == ["blank", "blank"]


class Withheld:
    """Connections that send something and then nothing, and that read nothing."""

    def __init__(self, server, count: int, message: bytes) -> None:
        self.connections = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            connection.sendall(message)
            self.connections.append(connection)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for connection in self.connections:
            connection.close()


POST = b"POST /v1/signin HTTP/1.1\r\nHost: service.example\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "message",
    [
        POST + b"Content-Length: 50\r\n\r\n{",
        POST + b"Content-Length: 70000\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        b"GET /static/SCRIPT HTTP/1.1\r\nHost: service.example\r\n\r\n",
        b"GET /v1/tasks HTTP/1.1\r\nHost: ",
    ],
    ids=["body", "early answer", "chunks", "unread answer", "headers"],
)
def test_what_clients_withhold_silences_nothing(server, message):
    message = message.replace(b"SCRIPT", server.script.encode())
    with Withheld(server, 400, message):
        for _ in range(5):
            assert server("GET", "/livez")[0].status == 200
        assert server("GET", "/v1/tasks")[0].status == 401


def test_a_late_body_is_answered(server):
    with Withheld(server, 1, POST + b"Content-Length: 50\r\n\r\n{") as withheld:
        answer = withheld.connections[0].makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408 ") and b"body_timeout" in answer


def test_a_refused_body_may_be_sent_whole(server):
    response, body = server("POST", "/v1/signin", "x" * 200_000)
    assert (response.status, json.loads(body)["code"]) == (413, "body_too_large")


def test_guessing_does_not_exhaust_the_memory(server):
    def guess(number: int) -> int:
        body = {"login": f"nobody-{number % 24}", "password": "not the right password"}
        return server("POST", "/v1/signin", body)[0].status

    with ThreadPoolExecutor(24) as pool:
        guesses = [pool.submit(guess, number) for number in range(240)]
        memory = [server.memory()]
        while not all(one.done() for one in guesses):
            memory.append(server.memory())
            time.sleep(0.05)
    assert {one.result() for one in guesses} <= {401, 429, 503}
    assert len(memory) > 10
    assert max(memory) < 300


def test_no_refusal_is_lost_with_a_killed_worker(server):
    from django.db import connection

    from activity.models import Event

    client = "198.51.100.77"

    def counted() -> int:
        events = list(Event.objects.filter(client=client))
        connection.close()
        return sum(event.details.get("times", 1) for event in events)

    body = {"login": "nobody-at-all", "password": "not the right password"}
    for _ in range(12):
        # Both workers get some, of which each has stored the first one only, if any.
        answer, _ = server("POST", "/v1/signin", body, {"X-Forwarded-For": client})
        assert answer.status in (401, 429)
    for pid in server.workers():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: counted() == 12)
    server.wait()


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


def test_events_find_their_way(server):
    credentials = {"login": "eventful", "password": "a password for it all"}
    # Guesses from the other tests' address are limited by now.
    headers = {"X-Forwarded-For": "198.51.100.77"}
    server("POST", "/v1/signup", credentials, headers)
    tokens = json.loads(server("POST", "/v1/signin", credentials, headers)[1])
    headers = {"Authorization": f"Bearer {tokens['access']}"}

    def names() -> list[str]:
        events = json.loads(server("GET", "/v1/activity", headers=headers)[1])["results"]
        return [event["event"] for event in events]

    eventually(lambda: names() == ["account.signed_in", "account.signed_up"])


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
    troubles = [line["message"] for line in lines if line["level"] in ("warning", "error")]
    # Of the workers that were killed above; they end at once or one after the other.
    killed = "Unexpected exit from worker-|activity: .* events of a worker that has ended"
    assert [one for one in troubles if not re.match(killed, one)] == []


def test_a_worker_that_is_stuck_ends():
    script = """
import asyncio, time
from service import capacity, edge
capacity.STUCK_SECONDS = 0.3
async def main():
    watch = asyncio.create_task(edge._watch())
    await asyncio.sleep(1)
    print("turned", flush=True)
    time.sleep(60)
asyncio.run(main())
"""
    result = subprocess.run(
        [sys.executable, "-c", script], check=False, cwd=APP, capture_output=True, text=True
    )
    assert (result.returncode, result.stdout) == (1, "turned\n")
    assert "Timeout" in result.stderr and "in main" in result.stderr
