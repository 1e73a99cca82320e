"""The house's own rules for Python files: sizes, docstrings, one reader of the role, no signals.

What ruff can say (return types, imports inside functions) is left to ruff.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from tools.findings import Finding, our_files

FILE_LINES = 400
FUNCTION_LINES = 50
ROLE_READER = "mecm_portal/roles.py"
# The supervisor tells each site its role, and so does who starts one to measure it.
ROLE_GIVERS = (
    "mecm_portal/runtime/plan.py", "tools/bench_mep.py", "tools/source_rules.py",
    "tools/sync_running.py",
)
_ROLE_NAME = re.compile(r"\w*role|site|site_name", re.IGNORECASE)
_ROLE_VALUES = {"center", "edge"}
_ROLE_IN_TEMPLATE = re.compile(
    r"{%\s*(?:el)?if\b[^%]*\b\w*(?:role|site)\w*\b[^%]*[\"'](?:center|edge)[\"'][^%]*%}",
    re.IGNORECASE,
)
_SIGNAL_MODULES = {"django.db.models.signals", "django.dispatch", "django.dispatch.dispatcher"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def check(root: Path) -> list[Finding]:
    """Every finding in the Python files and templates below ``root``."""
    found: list[Finding] = []
    for path in our_files(root, "*.py"):
        name = path.relative_to(root).as_posix()
        text = path.read_text()
        tree = ast.parse(text, name)
        for rule in RULES:
            found += rule(name, text, tree)
    for path in our_files(root, "*.html", below=["templates", "apps"]):
        found += _role_in_template(path.relative_to(root).as_posix(), path.read_text())
    return sorted(found)


def sizes(name: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    """Files and functions that are two things."""
    lines = text.count("\n")
    if lines > FILE_LINES:
        yield Finding(
            name, FILE_LINES + 1, f"{lines} lines", f"split it; {FILE_LINES} is the limit"
        )
    for node in ast.walk(tree):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                what = f"{node.name} has {length} lines"
                yield Finding(name, node.lineno, what, f"split it; {FUNCTION_LINES} is the limit")


def docstrings(name: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    """Public functions and classes that do not say what they do."""
    if name.startswith("tests/"):
        return
    for node in _public(tree):
        if not ast.get_docstring(node):
            yield Finding(
                name,
                node.lineno,
                f"{node.name} has no docstring",
                "say in one line what it promises",
            )


def signals(name: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    """Django model signals, which make a model do what its file does not show."""
    remedy = "announce it in the service and add a row to mecm_portal/wiring.py"
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        if _SIGNAL_MODULES.intersection(modules):
            line = getattr(node, "lineno", 1)
            yield Finding(name, line, "uses Django model signals", remedy)


def role(name: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    """Reads of the role and decisions by it outside of the one file that may."""
    if name == ROLE_READER or name.startswith("tests/"):
        return
    remedy = f"put what differs into a Role in {ROLE_READER}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value == "MECM_ROLE":
            if name not in ROLE_GIVERS:
                yield Finding(name, node.lineno, "names MECM_ROLE", remedy)
        elif _decides_by_role(node):
            yield Finding(name, getattr(node, "lineno", 1), "decides by the role", remedy)


RULES: tuple[Callable[[str, str, ast.Module], Iterator[Finding]], ...] = (
    sizes,
    docstrings,
    signals,
    role,
)


def _public(tree: ast.Module) -> Iterator[Function | ast.ClassDef]:
    """Functions and classes of the module and methods of its classes, without the private ones."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                if (
                    isinstance(inner, Function)
                    and not inner.name.startswith("_")
                    and not _repeats(inner)
                ):
                    yield inner


def _repeats(function: Function) -> bool:
    """Whether the function only goes on from one of the same name: setters and overloads."""
    marks = {ast.unparse(mark).rsplit(".", 1)[-1] for mark in function.decorator_list}
    return bool(marks & {"setter", "deleter", "overload", "override"})


def _decides_by_role(node: ast.AST) -> bool:
    """Whether the node compares the role of a site, or branches on it."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        return _is_role(node.test)
    if isinstance(node, ast.Match):
        sides = [node.subject, *(case.pattern for case in node.cases)]
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
    else:
        return False
    if any(map(_is_role, sides)):
        return True
    parts = [part for side in sides for part in ast.walk(side)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    names |= {part.attr for part in parts if isinstance(part, ast.Attribute)}
    texts = {part.value for part in parts if isinstance(part, ast.Constant)}
    about_role = any(map(_ROLE_NAME.fullmatch, names))
    return bool(names & {"CENTER", "EDGE"}) or (about_role and bool(texts & _ROLE_VALUES))


def _is_role(node: ast.AST) -> bool:
    """Whether the expression is the role of this site or a part of it."""
    text = ast.unparse(node)
    return bool(re.match(r"(not )?(settings\.ROLE|roles\.current\(\))(\.(name|label))?$", text))


def _role_in_template(name: str, text: str) -> Iterator[Finding]:
    for match in _ROLE_IN_TEMPLATE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Finding(
            name, line, "decides by the role", f"put what differs into a Role in {ROLE_READER}"
        )
