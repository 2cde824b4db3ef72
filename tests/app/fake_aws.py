"""The AWS APIs: moto in this process, and faults on the way to it."""

import logging
import socket
import threading
from collections.abc import Callable

import boto3
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server

REGION = "us-east-1"
BUCKET = "accounts"


class Moto:
    """moto's server in a thread."""

    def __init__(self) -> None:
        application = DomainDispatcherApplication(create_backend_app)
        lock = threading.Lock()
        self.faults: S3Faults | None = None

        def one_at_a_time(environ, start_response):
            # moto checks a condition and writes in two steps; S3 does both in one.
            with lock:
                return application(environ, start_response)

        def respond(environ, start_response):
            if self.faults and environ["PATH_INFO"].startswith(f"/{BUCKET}"):
                fault = self.faults.next(environ)
                if fault:
                    return fault(environ, start_response, one_at_a_time)
            return one_at_a_time(environ, start_response)

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self.server = make_server("127.0.0.1", 0, respond, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def objects() -> dict[str, bytes]:
    """Every object of the account bucket."""
    client = boto3.client("s3", region_name=REGION)
    listed = client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {
        item["Key"]: client.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
        for item in listed
    }


def desired(client) -> int:
    """The size that the auto scaling group is to have."""
    described = client.describe_auto_scaling_groups(AutoScalingGroupNames=["web"])
    return described["AutoScalingGroups"][0]["DesiredCapacity"]


def _hang_up(environ) -> list[bytes]:
    """The client finds its connection closed, and no answer."""
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionError("injected")


class S3Faults:
    """What goes wrong between the service and S3, at the other end of a real connection."""

    def __init__(self, moto: Moto) -> None:
        self.moto = moto
        self.planned: dict[str, list[Callable]] = {}
        self.seen: list[str] = []
        self.ended = threading.Event()
        moto.faults = self

    def remove(self) -> None:
        self.moto.faults = None
        self.ended.set()

    def next(self, environ) -> Callable | None:
        # Every event of an account is a request, too: those are meant by "activity PUT" only.
        about_activity = "activity" in environ["PATH_INFO"] + environ["QUERY_STRING"]
        posted = environ["REQUEST_METHOD"] == "POST"
        prefix = "activity " if about_activity or posted else ""
        method = prefix + environ["REQUEST_METHOD"]
        self.seen.append(method)
        waiting = self.planned.get(method)
        return waiting.pop(0) if waiting else None

    def answer(self, method: str, status: int, times: int = 1, code: str = "Injected") -> None:
        """S3 refuses, before it does anything."""

        def fault(environ, start_response, forward):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            body = f"<Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response(f"{status} Injected", headers)
            return [body]

        self._plan(method, fault, times)

    def time_out(self, method: str, times: int = 1) -> None:
        """S3 does not answer, as long as anyone waits."""

        def fault(environ, start_response, forward):
            self.ended.wait(30)
            return _hang_up(environ)

        self._plan(method, fault, times)

    def lose_reply(self, method: str, times: int = 1) -> None:
        """S3 does what was asked, but the answer never arrives."""

        def fault(environ, start_response, forward):
            list(forward(environ, lambda *_: lambda _: None))
            return _hang_up(environ)

        self._plan(method, fault, times)

    def before(self, method: str, action: Callable[[], None]) -> None:
        """Something else happens just before the request reaches S3."""

        def fault(environ, start_response, forward):
            action()
            return forward(environ, start_response)

        self._plan(method, fault, 1)

    def _plan(self, method: str, fault: Callable, times: int) -> None:
        self.planned.setdefault(method, []).extend([fault] * times)
