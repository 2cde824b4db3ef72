"""The servers that could run the service, compared: throughput, latency, memory, and what attacks do to them.

`npm run bench -- server` runs it where the service's tests run, with their PostgreSQL and their fake of AWS. No network
distance is simulated: what is compared is the cost of the server and of the interpreter, which distance only hides.

All candidates are started first, and asked in turn, round by round, so that a machine whose speed drifts treats them alike.
Then each is attacked. The last line is the result as JSON, for the caller.
"""

import argparse
import contextlib
import json
import os
import selectors
import shutil
import socket
import statistics
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
# Numbers of connections, and the seconds of each round: the goals are about sixteen.
CONNECTIONS = {1: 0.7, 4: 0.7, 16: 1.5, 64: 1.0}
ROUNDS = 3
ATTACK_SECONDS = 4.0
POLL_SECONDS = 0.25
# Less than an attack takes: what is answered only when that is over is not answered.
POLL_LIMIT_SECONDS = 2.0
# The folder of the service as it was before it was measured.
FIRST_CUT = "first-cut"
# A module that gives servers of WSGI the application without its outermost layer, and to that what it expects of it.
BARE = "bare"
BARE_SOURCE = """
from service.asgi import django

def application(environ, start_response):
    environ["service.legacy"] = ""
    return django(environ, start_response)
"""


class Candidate:
    """A way to serve the application: what to run in its folder, which is the service's unless it has its own."""

    def __init__(
        self, name: str, *command: str, environ: dict[str, str] | None = None, app: str = "src"
    ) -> None:
        self.name = name
        self.command = command
        # The first cut's unit set nothing.
        self.environ = (environ or {}) | (UNIT if app == "src" else {})
        self.app = app


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

    def __init__(self, candidate: Candidate, directory: Path) -> None:
        self.name = candidate.name
        self.source = directory / candidate.app
        log = directory / f"{candidate.name}.log"
        self.port = free_port()
        command = [part.replace("PORT", str(self.port)) for part in candidate.command]
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=self.source,
                env={**os.environ, "ADDRESS": "127.0.0.1", "PORT": str(self.port), **candidate.environ},
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


def load(
    server: Running, message: bytes, connections: int, seconds: float
) -> tuple[float, list[float], int]:
    """Requests a second, their latencies in seconds, and how many were not answered 200."""
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
    return len(latencies) / elapsed, latencies, failures


class Poll:
    """Asks /livez, and a request of the API, all the time while something else goes on."""

    def __init__(self, server: Running, message: bytes) -> None:
        self.server = server
        self.messages = {"livez": request("GET", "/livez"), "api": message}
        self.answers: dict[str, list[float | None]] = {name: [] for name in self.messages}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(name,)) for name in self.messages]
        for thread in self.threads:
            thread.start()

    def _run(self, name: str) -> None:
        while not self.ended.wait(POLL_SECONDS):
            started = time.perf_counter()
            try:
                status = self.server.ask(self.messages[name], timeout=POLL_LIMIT_SECONDS)[0]
                self.answers[name].append(time.perf_counter() - started if status < 500 else None)
            except OSError:
                self.answers[name].append(None)

    def stop(self) -> dict[str, dict[str, float]]:
        """How many polls there were, how many were answered, and how slow the slowest of them was, in milliseconds."""
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return {
            name: {
                "polls": len(answers),
                "answered": sum(answer is not None for answer in answers),
                "slowest": max((1000 * answer for answer in answers if answer), default=0.0),
            }
            for name, answers in self.answers.items()
        }


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


class Measured:
    """A candidate that serves, an account that has five tasks, and what was measured."""

    def __init__(self, server: Running) -> None:
        self.server = server
        credentials = {"login": f"bench-{time.time_ns()}", "password": PASSWORD}
        assert server.ask(request("POST", "/v1/signup", credentials))[0] == 201
        token = json.loads(server.ask(request("POST", "/v1/signin", credentials))[1])["access"]
        for number in range(5):
            body = {"title": f"task {number}"}
            assert server.ask(request("POST", "/v1/tasks", body, token))[0] == 201
        self.tasks = request("GET", "/v1/tasks", token=token)
        self.rates: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
        self.latencies: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
        self.processor: dict[int, list[float]] = {connections: [] for connections in CONNECTIONS}
        self.failures = 0
        load(server, self.tasks, 8, 1.5)

    def load(self, connections: int, seconds: float) -> None:
        used = self.server.processor_seconds()
        rate, latencies, failures = load(self.server, self.tasks, connections, seconds)
        used = self.server.processor_seconds() - used
        self.rates[connections].append(rate)
        self.latencies[connections] += latencies
        self.processor[connections].append(1000 * used / len(latencies))
        self.failures += failures

    def result(self) -> dict:
        """Requests a second, p99 and processor's time, by connections; and the memory that is left of that."""
        return {
            "name": self.server.name,
            "loads": {
                connections: {
                    "rate": statistics.median(self.rates[connections]),
                    "p99": 1000 * statistics.quantiles(self.latencies[connections], n=100)[98],
                    "processor": statistics.median(self.processor[connections]),
                }
                for connections in CONNECTIONS
            },
            "failures": self.failures,
            "memory": self.server.memory(),
        }

    def attack(self, seconds: float) -> dict:
        """What is answered under each attack, and the most memory under the last."""
        static = self.server.source / "staticfiles"
        script = max(static.rglob("swagger-ui-bundle*.js"), key=lambda path: path.stat().st_size)
        unread = request("GET", f"/static/{script.relative_to(static)}")
        found = {}
        for name, (message, count) in {**ATTACKS, "200 unread answers": (unread, 200)}.items():
            poll = Poll(self.server, self.tasks)
            withhold(self.server, message, count, seconds)
            found[name] = poll.stop()
        poll = Poll(self.server, self.tasks)
        with Watch(self.server) as watch:
            guess(self.server, 24, seconds)
        return {"attacks": {**found, "24 clients with wrong passwords": poll.stop()}, "most": watch.most}


class Watch:
    """Watches the memory of a candidate."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.most = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.ended.wait(0.1):
            self.most = max(self.most, self.server.memory())

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()


def show(result: dict) -> None:
    """Prints what was measured of a candidate."""
    print(f"\n{result['name']}")
    for connections, at in result["loads"].items():
        print(
            f"  {connections:3} connections: {at['rate']:6.0f}/s, p99 {at['p99']:6.1f} ms, "
            f"{at['processor']:.2f} ms of processor each"
        )
    if result["failures"]:
        print(f"  {result['failures']} requests failed")
    print(f"  memory {result['memory']:.0f} MiB")
    for name, polls in result.get("attacks", {}).items():
        texts = (
            f"{what} {poll['answered']}/{poll['polls']} {poll['slowest']:.0f} ms"
            for what, poll in polls.items()
        )
        print(f"  {name}: {', '.join(texts)}")
    if "most" in result:
        print(f"  under the last: memory {result['most']:.0f} MiB")


@contextlib.contextmanager
def environment(directory: Path):
    """The database, the fake of AWS and the variables that the service needs."""
    (directory / "run").mkdir()
    cluster = Cluster(max_connections=200)
    try:
        cluster.create_database("service")
        cluster.create_database("first_cut")
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
        from conftest import SERVICE_SECRET, write_credentials

        for database in ("service", "first_cut"):
            (directory / database).mkdir()
            for role, name in ((OWNER, "owner"), (SERVICE, "service")):
                # The first cut knew accounts by a hash of their login.
                secret = {**SERVICE_SECRET, "loginPepper": "p" * 64}
                write_credentials(directory / database / name, cluster.secret(role, database), secret)
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
            os.environ["CREDENTIALS_DIRECTORY"] = str(directory / "service/service")
            yield
        finally:
            moto.communicate()
    finally:
        cluster.remove()


def gunicorn(*arguments: str) -> tuple[str, ...]:
    return ("-m", "gunicorn", "--bind", "127.0.0.1:PORT", *arguments)


def candidates(directory: Path) -> list[Candidate]:
    """The service as it is, its application under other servers of ASGI, bare Django under servers of WSGI, and the first cut."""
    pool = {"DATABASE_POOL_SIZE": "4"}
    asgi, wsgi = "service.asgi:application", f"{BARE}:application"
    first = {"CREDENTIALS_DIRECTORY": str(directory / "first_cut/service")}
    return [
        Candidate("service", "-m", "service"),
        Candidate("first cut", *gunicorn("-c", "gunicorn.conf.py"), environ=first, app=FIRST_CUT),
        Candidate("uvicorn", "-m", "uvicorn", "--port", "PORT", "--workers", "2", "--loop", "uvloop", "--no-access-log", asgi, environ=pool),
        Candidate("gunicorn asgi", *gunicorn("-k", "asgi", "-w", "2", asgi), environ=pool),
        Candidate("gunicorn gthread, 64 threads", *gunicorn("-k", "gthread", "-w", "2", "--threads", "64", "--keep-alive", "75", wsgi), environ={"DATABASE_POOL_SIZE": "20"}),
        Candidate("gunicorn gthread, 8 threads", *gunicorn("-k", "gthread", "-w", "2", "--threads", "8", "--keep-alive", "75", wsgi), environ={"DATABASE_POOL_SIZE": "8"}),
        Candidate("gunicorn sync, 4 workers", *gunicorn("-k", "sync", "-w", "4", wsgi), environ={"DATABASE_POOL_SIZE": "1"}),
        Candidate("granian wsgi, 4 threads", "-m", "granian", "--interface", "wsgi", "--port", "PORT", "--workers", "2", "--blocking-threads", "4", wsgi, environ=pool),
    ]  # fmt: skip


def prepare(app: Path, source: Path, owner: Path) -> None:
    """Copies an application, and does for it what the image and the release do."""
    shutil.copytree(app, source, ignore=shutil.ignore_patterns("__pycache__", "staticfiles"))
    for command in (("collectstatic", "--noinput", "--settings=service.static_settings"), ("migrate_locked",)):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=source, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "CREDENTIALS_DIRECTORY": str(owner)},
        )  # fmt: skip


def main() -> None:
    names = [candidate.name for candidate in candidates(Path())]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="each of all candidates")
    parser.add_argument("--attack-seconds", type=float, default=ATTACK_SECONDS, help="of each attack; 0 for none")
    parser.add_argument("--first-cut", type=Path, help="the application's folder as it was at first")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - set(names):
        parser.error(f"no such candidate: {', '.join(unknown)}; there are: {', '.join(names)}")
    with tempfile.TemporaryDirectory(prefix="django-on-ec2-bench-") as scratch, contextlib.ExitStack() as running:
        directory = Path(scratch)
        running.enter_context(environment(directory))
        prepare(ROOT / "app", directory / "src", directory / "service/owner")
        (directory / f"src/{BARE}.py").write_text(BARE_SOURCE)
        if arguments.first_cut:
            prepare(arguments.first_cut, directory / FIRST_CUT, directory / "first_cut/owner")
        measured = []
        for candidate in candidates(directory):
            if arguments.only and candidate.name not in arguments.only:
                continue
            if candidate.app == FIRST_CUT and not arguments.first_cut:
                continue
            server = Running(candidate, directory)
            running.callback(server.stop)
            measured.append(Measured(server))
            print(f"{candidate.name} serves", flush=True)
        for _ in range(arguments.rounds):
            for connections, seconds in CONNECTIONS.items():
                for one in measured:
                    one.load(connections, seconds)
        results = []
        for one in measured:
            result = one.result()
            if arguments.attack_seconds:
                result |= one.attack(arguments.attack_seconds)
            show(result)
            sys.stdout.flush()
            results.append(result)
        print(json.dumps(results), flush=True)


if __name__ == "__main__":
    main()
