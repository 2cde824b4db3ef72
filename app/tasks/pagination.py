"""Pages by key: a page costs one query, wherever it lies, and new tasks do not shift the pages."""

import re
import uuid
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

DEFAULT_LIMIT = 50
MAX_LIMIT = 100


class NewestFirst(BasePagination):
    """`?limit=…&cursor=…`, where the cursor is the last id of the page before."""

    def paginate_queryset(
        self,
        # Only query sets are paged here, no sequences.
        queryset: QuerySet[Any, Any],  # type: ignore[override]
        request: Request,
        view: APIView | None = None,
    ) -> list[Any]:
        limit = self._limit(request.query_params.get("limit", str(DEFAULT_LIMIT)))
        cursor = request.query_params.get("cursor")
        if cursor:
            queryset = queryset.filter(id__lt=self._cursor(cursor))
        # One more row than asked for tells whether there is another page.
        rows = list(queryset.order_by("-id")[: limit + 1])
        page = rows[:limit]
        self.next_cursor = str(page[-1].id) if len(rows) > limit else None
        return page

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"results": data, "next_cursor": self.next_cursor})

    def _limit(self, value: str) -> int:
        if re.fullmatch("[0-9]{1,3}", value) and 1 <= int(value) <= MAX_LIMIT:
            return int(value)
        raise ValidationError({"limit": [f"Give a number from 1 to {MAX_LIMIT}."]})

    def _cursor(self, value: str) -> uuid.UUID:
        try:
            return uuid.UUID(value)
        except ValueError as error:
            raise ValidationError({"cursor": ["Give the next_cursor of a page."]}) from error

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        integer = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}
        return [
            {
                "name": "limit",
                "in": "query",
                "schema": integer | {"default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "schema": {"type": "string", "format": "uuid"},
            },
        ]

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": "string", "format": "uuid", "nullable": True}
        return {
            "type": "object",
            "required": ["results", "next_cursor"],
            "properties": {"results": schema, "next_cursor": cursor},
        }
