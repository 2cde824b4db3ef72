"""The tasks of the account that asks. Those of others do not exist for it."""

import hashlib
import json
import re
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import principal
from activity.log import event_of
from activity.models import Event, EventName
from core.paging import given
from core.serializers import StrictSerializer
from tasks import changes, conditions, lists
from tasks.models import Task
from tasks.parsers import MergePatchParser
from tasks.serializers import TaskBody, TaskPage, TaskPatch, TaskQuery, TaskSerializer

REFUSED_PRECONDITION = OpenApiResponse(
    description="The task is not what If-Match or If-None-Match expects."
)


def _header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    """A header of the request, or of the responses of these statuses."""
    return OpenApiParameter(
        name,
        str,
        OpenApiParameter.HEADER,
        description=description,
        response=list(statuses) or False,
    )


IF_MATCH = _header("If-Match", "Only if the task has one of these ETags.")


def _body(request: Request, serializer_class: type[StrictSerializer]) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def _event(request: Request, name: EventName) -> Event:
    return event_of(request, name, account=principal(request).account)


def _answer(task: Task, status: int = 200) -> Response:
    headers = {"ETag": conditions.etag(task)}
    if status == 201:
        headers["Location"] = f"/v1/tasks/{task.id}"
    return Response(TaskSerializer(task).data, status, headers=headers)


class TaskList(APIView):
    @extend_schema("v1_tasks_list", parameters=[TaskQuery], responses=TaskPage)
    def get(self, request: Request) -> Response:
        """Tasks, a page at a time."""
        query = given(request.query_params, TaskQuery)
        tasks, cursor = lists.page(principal(request).account, query)
        return Response({"results": TaskSerializer(tasks, many=True).data, "next_cursor": cursor})

    @extend_schema(
        parameters=[
            _header("Idempotency-Key", "For a day, the same key and body again is the same task."),
            _header("Location", "The task's path.", 201),
            _header("ETag", "The task's version.", 201),
        ],
        request=TaskBody,
        responses={
            201: TaskSerializer,
            422: OpenApiResponse(description="The key came with another body before."),
        },
    )
    def post(self, request: Request) -> Response:
        """Adds a task. With an Idempotency-Key it is safe to repeat."""
        body = _body(request, TaskBody)
        digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        key = _idempotency_key(request)
        return _answer(
            changes.create(_event(request, "task.created"), **body, key=key, digest=digest), 201
        )


class TaskDetail(APIView):
    parser_classes = (JSONParser, MergePatchParser)

    @extend_schema(
        parameters=[
            _header("If-None-Match", "The ETags that the client has."),
            _header("ETag", "The task's version.", 200, 304),
        ],
        responses={200: TaskSerializer, 304: OpenApiResponse(description="The client has it.")},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """One task."""
        task = Task.objects.filter(owner=principal(request).account, pk=pk).first()
        if task is None:
            raise NotFound()
        if conditions.is_known(request, task):
            return Response(status=304, headers={"ETag": conditions.etag(task)})
        return _answer(task)

    @extend_schema(
        parameters=[
            IF_MATCH,
            _header("If-None-Match", "`*`: only if there is no such task."),
            _header("Location", "The task's path.", 201),
            _header("ETag", "The task's version.", 200, 201),
        ],
        request=TaskBody,
        responses={200: TaskSerializer, 201: TaskSerializer, 412: REFUSED_PRECONDITION},
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Makes or replaces the task of an id that the client has chosen: safe to repeat."""
        body = _body(request, TaskBody)
        event = _event(request, "task.changed")
        must_be_new = conditions.must_be_new(request)
        if not conditions.must_exist(request):
            task, created = changes.put(event, pk, **body, may_replace=not must_be_new)
            return _answer(task, 201 if created else 200)
        if must_be_new:
            raise changes.PreconditionFailed()
        try:
            return _answer(changes.change(event, pk, conditions.expected_versions(request), **body))
        except NotFound as error:
            raise changes.PreconditionFailed() from error

    @extend_schema(
        parameters=[IF_MATCH, _header("ETag", "The task's version.", 200)],
        request={
            "application/json": TaskPatch,
            "application/merge-patch+json": TaskPatch,
        },
        responses={200: TaskSerializer, 412: REFUSED_PRECONDITION},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Changes what is given of a task."""
        body = _body(request, TaskPatch)
        expected = conditions.expected_versions(request)
        return _answer(changes.change(_event(request, "task.changed"), pk, expected, **body))

    @extend_schema(parameters=[IF_MATCH], responses={204: None, 412: REFUSED_PRECONDITION})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Deletes a task."""
        changes.delete(_event(request, "task.deleted"), pk, conditions.expected_versions(request))
        return Response(status=204)


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch("[!-~]{1,64}", key):
        raise ValidationError({"Idempotency-Key": ["Give 1 to 64 visible ASCII characters."]})
    return key
