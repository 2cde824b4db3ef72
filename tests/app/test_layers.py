"""Who may import whom: a package knows those below it, never those above it or beside it."""

import ast

from conftest import APP

# What each package may import, besides itself.
BELOW = {
    "core": set(),
    "activity": {"core"},
    "accounts": {"core", "activity"},
    "tasks": {"core", "activity", "accounts"},
    "fleet": {"core", "activity", "accounts"},
    "legacy": {"core", "activity", "accounts"},
    "service": {"core", "activity", "accounts", "tasks", "fleet", "legacy"},
}


def imported(path) -> set[str]:
    """The first part of the name of every module that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import():
                names |= {alias.name for alias in node.names}
            case ast.ImportFrom():
                assert node.level == 0, f"{path}: a relative import"
                names.add(node.module)
    return {name.partition(".")[0] for name in names}


def test_every_package_has_its_place():
    assert {path.parent.name for path in APP.glob("*/__init__.py")} == BELOW.keys()


def test_imports_go_downwards_only():
    for package, below in BELOW.items():
        for path in (APP / package).rglob("*.py"):
            strangers = imported(path) & BELOW.keys() - below - {package}
            assert not strangers, f"{path.relative_to(APP)} imports {', '.join(strangers)}"
