"""App configurations."""

from django.contrib.staticfiles.apps import StaticFilesConfig


class StaticFiles(StaticFilesConfig):
    """Leaves out files of installed packages that no page of the service uses."""

    ignore_patterns = (*StaticFilesConfig.ignore_patterns, "redoc", "rest_framework")
