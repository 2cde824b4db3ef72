"""Media types of bodies."""

from rest_framework.parsers import JSONParser


class MergePatchParser(JSONParser):
    """A merge patch (RFC 7396)."""

    media_type = "application/merge-patch+json"
