"""What a run of schemathesis needs to get anywhere: see test_schemathesis."""

import itertools
import os

import schemathesis
from schemathesis.generation.meta import TestPhase

OWN = os.environ["OWN_ACCOUNT"]
STRANGER = "0" * 32
_numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    number = next(_numbers)
    # Each request comes from an address of its own: the limit on failed sign-ins would answer everything else.
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    # Whoever asks does not end the sessions that the rest of the run needs.
    if case.path_parameters.get("account") == OWN:
        case.path_parameters["account"] = STRANGER
    if case.meta is None or case.meta.phase.name != TestPhase.STATEFUL:
        return
    # What is made up matches no task: the links would all end there.
    for name in ("If-Match", "If-None-Match"):
        case.headers.pop(name, None)
    # What logins and passwords may be, no pattern tells.
    if case.operation.label == "POST /v1/signup":
        case.body = {"login": f"stateful-{number}", "password": f"a password for number {number}"}
