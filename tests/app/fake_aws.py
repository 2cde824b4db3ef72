"""The AWS APIs: moto in this process, and faults injected into the service's S3 client."""

import logging
import threading
from collections.abc import Callable

import boto3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ReadTimeoutError
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import make_server

from core import aws

REGION = "us-east-1"
BUCKET = "accounts"


class Moto:
    """moto's server in a thread."""

    def __init__(self) -> None:
        application = DomainDispatcherApplication(create_backend_app)
        lock = threading.Lock()

        def one_at_a_time(environ, start_response):
            # moto checks a condition and writes in two steps; S3 does both in one.
            with lock:
                return application(environ, start_response)

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self.server = make_server("127.0.0.1", 0, one_at_a_time, threaded=True)
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


class _Raw:
    def __init__(self, body: bytes) -> None:
        self.body = body

    def stream(self, **options):
        yield self.body


def answer(request, status: int, body: str) -> AWSResponse:
    """What a before-send handler returns to answer in the place of AWS."""
    return AWSResponse(request.url, status, {}, _Raw(body.encode()))


class S3Faults:
    """Answers the service's next S3 requests instead of S3; botocore's own retries stay in force."""

    def __init__(self) -> None:
        self.client = aws.s3()
        self.planned: dict[str, list[Callable]] = {}
        self.seen: list[str] = []
        self.client.meta.events.register("before-send.s3", self._before_send)

    def remove(self) -> None:
        self.client.meta.events.unregister("before-send.s3", self._before_send)

    def answer(self, method: str, status: int, times: int = 1) -> None:
        """S3 refuses, before it does anything."""

        def fault(request):
            body = f"<Error><Code>E{status}</Code><Message>injected</Message></Error>"
            return answer(request, status, body)

        self._plan(method, fault, times)

    def time_out(self, method: str, times: int = 1) -> None:
        """S3 does not answer."""

        def fault(request):
            raise ReadTimeoutError(endpoint_url=request.url)

        self._plan(method, fault, times)

    def lose_reply(self, method: str) -> None:
        """S3 does what was asked, but the answer never arrives."""

        def fault(request):
            self.client._endpoint.http_session.send(request)
            raise ReadTimeoutError(endpoint_url=request.url)

        self._plan(method, fault, 1)

    def before(self, method: str, action: Callable[[], None]) -> None:
        """Something else happens just before the request reaches S3."""

        def fault(request):
            action()

        self._plan(method, fault, 1)

    def _plan(self, method: str, fault: Callable, times: int) -> None:
        self.planned.setdefault(method, []).extend([fault] * times)

    def _before_send(self, request, **kwargs):
        self.seen.append(request.method)
        waiting = self.planned.get(request.method)
        return waiting.pop(0)(request) if waiting else None
