"""The servers that could run the service, compared: throughput, latency, memory, and what attacks do to them.

`npm run bench -- server` runs it where the service's tests run, with their PostgreSQL and their fake of AWS. No network
distance is simulated: what is compared is the cost of the server and of the interpreter, which distance only hides.
"""

import argparse
import contextlib
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/app"))

from cluster import OWNER, SERVICE, Cluster, free_port

# As the service's unit sets it.
UNIT = {"MALLOC_MMAP_THRESHOLD_": "1048576", "MALLOC_ARENA_MAX": "2"}

PASSWORD = "the password of the bench"
CONNECTIONS = (1, 4, 16, 64)


class Candidate:
    """A way to serve the application: what to run in its folder."""

    def __init__(self, name: str, *command: str, environ: dict[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.environ = environ or {}


def request(method: str, path: str, body: dict | None = None, token: str = "") -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: service.example"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def read_response(connection: socket.socket) -> tuple[int, bytes, bool]:
    """Status, body, and whether the connection stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(connection)
    return int(lines[0].split()[1]), body, headers.get("connection") != "close"


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("closed by the server")
    return received


class Running:
    """A candidate that serves on a port of its own."""

    def __init__(self, candidate: Candidate, source: Path, log: Path) -> None:
        self.port = free_port()
        command = [part.replace("PORT", str(self.port)) for part in candidate.command]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=source,
                env={**os.environ, **UNIT, "ADDRESS": "127.0.0.1", "PORT": str(self.port), **candidate.environ},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError):
                # Bare Django knows no /livez.
                if self.ask(request("GET", "/livez"))[0] in (200, 404):
                    break
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{candidate.name} does not serve:\n{log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            self.process.wait()

    def connect(self, timeout: float = 10) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self, message: bytes, timeout: float = 10) -> tuple[int, bytes, bool]:
        with self.connect(timeout) as connection:
            connection.sendall(message)
            return read_response(connection)

    def family(self) -> set[int]:
        """Its processes."""
        family, grown = {self.process.pid}, True
        while grown:
            grown = False
            for entry in Path("/proc").glob("[0-9]*/stat"):
                with contextlib.suppress(OSError):
                    fields = entry.read_text().rpartition(")")[2].split()
                    if int(fields[1]) in family and int(entry.parent.name) not in family:
                        family.add(int(entry.parent.name))
                        grown = True
        return family

    def processor_seconds(self) -> float:
        """What all its processes have used of the processors."""
        ticks = 0
        for pid in self.family():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """The proportional set size of all its processes, in MiB."""
        total = 0
        for pid in self.family():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1])
        return total / 1024


def load(server: Running, message: bytes, connections: int, seconds: float) -> tuple[float, float, int]:
    """Requests a second, the 99th percentile of their latency in milliseconds, and how many were not answered 200."""
    selector = selectors.DefaultSelector()
    sent: dict[socket.socket, float] = {}

    def send(connection: socket.socket | None) -> None:
        if connection is None:
            connection = server.connect()
            selector.register(connection, selectors.EVENT_READ)
        sent[connection] = time.perf_counter()
        connection.sendall(message)

    for _ in range(connections):
        send(None)
    latencies: list[float] = []
    failures = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        for key, _ in selector.select(1):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            status, _, stays = read_response(connection)
            latencies.append(time.perf_counter() - sent.pop(connection))
            failures += status != 200
            if stays:
                send(connection)
            else:
                selector.unregister(connection)
                connection.close()
                send(None)
    elapsed = time.perf_counter() - start
    for connection in sent:
        connection.close()
    latencies.sort()
    return len(latencies) / elapsed, latencies[int(len(latencies) * 0.99)] * 1000, failures


class Poll:
    """Asks /livez, and a request of the API, once a second while something else goes on."""

    def __init__(self, server: Running, message: bytes) -> None:
        self.server = server
        self.messages = {"livez": request("GET", "/livez"), "api": message}
        self.answers: dict[str, list[float | None]] = {name: [] for name in self.messages}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(name,)) for name in self.messages]
        for thread in self.threads:
            thread.start()

    def _run(self, name: str) -> None:
        while not self.ended.wait(1):
            started = time.perf_counter()
            try:
                status = self.server.ask(self.messages[name], timeout=5)[0]
                self.answers[name].append(time.perf_counter() - started if status < 500 else None)
            except OSError:
                self.answers[name].append(None)

    def stop(self) -> str:
        """How many polls were answered, and how slow the slowest of them was."""
        self.ended.set()
        for thread in self.threads:
            thread.join()
        texts = []
        for name, answers in self.answers.items():
            good = [answer for answer in answers if answer is not None]
            slowest = f" {max(good) * 1000:.0f} ms" if good else ""
            texts.append(f"{name} {len(good)}/{len(answers)}{slowest}")
        return ", ".join(texts)


def withhold(server: Running, message: bytes, count: int, seconds: float) -> None:
    """Connections that send this much and then nothing, and read nothing; a closed one is made anew."""
    selector = selectors.DefaultSelector()

    def open_one() -> None:
        with contextlib.suppress(OSError):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.settimeout(2)
            connection.connect(("127.0.0.1", server.port))
            connection.sendall(message)
            selector.register(connection, selectors.EVENT_READ)

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        missing = count - len(selector.get_map())
        for _ in range(missing):
            open_one()
        time.sleep(0.2)
        for key in list(selector.get_map().values()):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            with contextlib.suppress(OSError):
                # Closed or reset by the server? What it has sent stays unread.
                state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
                if state == 1:
                    continue
            selector.unregister(connection)
            connection.close()
    for key in list(selector.get_map().values()):
        key.fileobj.close()  # type: ignore[union-attr]


def guess(server: Running, clients: int, seconds: float) -> None:
    """Clients that try wrong passwords."""
    end = time.monotonic() + seconds

    def run(number: int) -> None:
        body = {"login": f"nobody-{number}", "password": "not the right password"}
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                server.ask(request("POST", "/v1/signin", body), timeout=10)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ATTACKS = {
    "140 withheld bodies": (request("POST", "/v1/signin")[:-2] + b"Content-Length: 50\r\n\r\n{", 140),
    "220 withheld bodies": (request("POST", "/v1/signin")[:-2] + b"Content-Length: 50\r\n\r\n{", 220),
    "100 early answers": (request("POST", "/v1/signin")[:-2] + b"Content-Length: 70000\r\n\r\n{", 100),
    "600 withheld headers": (b"GET /v1/tasks HTTP/1.1\r\nHost: ", 600),
}


def measure(candidate: Candidate, source: Path, log: Path, seconds: float, attacks: bool) -> None:
    server = Running(candidate, source, log)
    try:
        credentials = {"login": f"bench-{time.time_ns()}", "password": PASSWORD}
        assert server.ask(request("POST", "/v1/signup", credentials))[0] == 201
        tokens = json.loads(server.ask(request("POST", "/v1/signin", credentials))[1])
        token = tokens["access"]
        for number in range(5):
            body = {"title": f"task {number}"}
            assert server.ask(request("POST", "/v1/tasks", body, token))[0] == 201
        tasks = request("GET", "/v1/tasks", token=token)
        load(server, tasks, 8, 2)
        print(f"\n{candidate.name}", flush=True)
        for connections in CONNECTIONS:
            used = server.processor_seconds()
            rate, p99, failures = load(server, tasks, connections, seconds)
            used = (server.processor_seconds() - used) / (rate * seconds) * 1000
            failed = f", {failures} failed" if failures else ""
            print(f"  {connections:3} connections: {rate:6.0f}/s, p99 {p99:6.1f} ms, {used:.2f} ms of processor each{failed}", flush=True)
        print(f"  memory {server.memory():.0f} MiB", flush=True)
        if not attacks:
            return
        script = max((source / "staticfiles").rglob("swagger-ui-bundle*.js"), key=lambda path: path.stat().st_size)
        unread = request("GET", f"/static/{script.relative_to(source / 'staticfiles')}")
        for name, (message, count) in {**ATTACKS, "200 unread answers": (unread, 200)}.items():
            poll = Poll(server, tasks)
            withhold(server, message, count, 15)
            print(f"  {name}: {poll.stop()}", flush=True)
            time.sleep(1)
        poll = Poll(server, tasks)
        guess(server, 24, 15)
        print(f"  24 clients with wrong passwords: {poll.stop()}; memory {server.memory():.0f} MiB", flush=True)
    finally:
        server.stop()


@contextlib.contextmanager
def environment(directory: Path):
    """The database, the fake of AWS and the variables that the service needs."""
    (directory / "run").mkdir()
    cluster = Cluster()
    try:
        cluster.create_database("service")
        os.environ |= {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": "us-east-1",
            "ACCOUNT_BUCKET": "accounts",
            "ALLOWED_HOSTS": "service.example",
            "INSTANCE_ID": "i-0123456789abcdef0",
            "RUNTIME_DIRECTORY": str(directory / "run"),
            "DJANGO_SETTINGS_MODULE": "service.settings",
        }
        from conftest import write_credentials

        for role, name in ((OWNER, "owner"), (SERVICE, "service")):
            write_credentials(directory / name, cluster.secret(role, "service"))
        # A process of its own: its interpreter must not compete with the load for this one's lock.
        moto = subprocess.Popen(
            [sys.executable, "-c", "import fake_aws, os, sys, signal; m = fake_aws.Moto(); os.environ['AWS_ENDPOINT_URL'] = m.url;"
             "fake_aws.boto3.client('s3', region_name=fake_aws.REGION).create_bucket(Bucket=fake_aws.BUCKET);"
             "print(m.url, flush=True); sys.stdin.read(); m.stop()"],
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests/app'}:{ROOT / 'app'}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert moto.stdout
            os.environ["AWS_ENDPOINT_URL"] = moto.stdout.readline().strip()
            os.environ["CREDENTIALS_DIRECTORY"] = str(directory / "service")
            yield
        finally:
            moto.communicate()
    finally:
        cluster.remove()


def gunicorn(*arguments: str) -> tuple[str, ...]:
    return ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", *arguments)


def candidates() -> list[Candidate]:
    """The service as it is, its application under other servers of ASGI, and bare Django under servers of WSGI."""
    pool = {"DATABASE_POOL_SIZE": "4"}
    asgi, wsgi = "service.asgi:application", "service.asgi:django"
    return [
        Candidate("service", "-m", "service"),
        Candidate("uvicorn", "-m", "uvicorn", "--port", "PORT", "--workers", "2", "--loop", "uvloop", "--no-access-log", asgi, environ=pool),
        Candidate("gunicorn asgi", *gunicorn("-k", "asgi", "-w", "2", asgi), environ=pool),
        Candidate("gunicorn gthread, 64 threads", *gunicorn("-k", "gthread", "-w", "2", "--threads", "64", "--keep-alive", "75", wsgi), environ={"DATABASE_POOL_SIZE": "20"}),
        Candidate("gunicorn gthread, 8 threads", *gunicorn("-k", "gthread", "-w", "2", "--threads", "8", "--keep-alive", "75", wsgi), environ={"DATABASE_POOL_SIZE": "8"}),
        Candidate("gunicorn sync, 4 workers", *gunicorn("-k", "sync", "-w", "4", wsgi), environ={"DATABASE_POOL_SIZE": "1"}),
        Candidate("granian wsgi, 4 threads", "-m", "granian", "--interface", "wsgi", "--port", "PORT", "--workers", "2", "--blocking-threads", "4", wsgi, environ=pool),
    ]  # fmt: skip


def main() -> None:
    names = [candidate.name for candidate in candidates()]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=5, help="for each number of connections")
    parser.add_argument("--rounds", type=int, default=1, help="each of all candidates")
    parser.add_argument("--no-attacks", action="store_true")
    parser.add_argument("--app", type=Path, default=ROOT / "app", help="the application's folder")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(names):
        parser.error(f"no such candidate: {', '.join(unknown)}; there are: {', '.join(names)}")
    with tempfile.TemporaryDirectory(prefix="django-on-ec2-bench-") as scratch:
        directory = Path(scratch)
        source = directory / "src"
        shutil.copytree(arguments.app, source, ignore=shutil.ignore_patterns("__pycache__", "staticfiles"))

        def manage(*command: str, **environ: str) -> None:
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=source, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environ},
            )  # fmt: skip

        manage("collectstatic", "--noinput", "--settings=service.static_settings")
        with environment(directory):
            manage("migrate_locked", CREDENTIALS_DIRECTORY=str(directory / "owner"))
            for _ in range(arguments.rounds):
                for candidate in candidates():
                    if not arguments.only or candidate.name in arguments.only:
                        measure(
                            candidate, source, directory / "log", arguments.seconds, not arguments.no_attacks
                        )


if __name__ == "__main__":
    main()
