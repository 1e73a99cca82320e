"""Which tests say which routes and faults they are about.

A test says so in its docstring, or in a string of its decorators: ``\"\"\"I40 Q6: …\"\"\"`` or
``pytest.param(…, id="P3")``.  ``Q-13`` is a fault of the original's edge.  The sources are read,
nothing is collected or run.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
MARK = re.compile(r"\b([IOPQ][1-9][0-9]?|Q-[1-9][0-9]{0,2})\b")


@cache
def marked():
    """``{"I40": ["rules/test_rules.py::test_…", …]}``."""
    found = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                name = f"{path.relative_to(TESTS)}::{node.name}"
                for mark in marks_of(node):
                    found[mark].append(name)
    return dict(found)


def marks_of(test):
    """The numbers that one test names."""
    texts = [ast.get_docstring(test) or ""]
    for decorator in test.decorator_list:
        texts += [
            one.value for one in ast.walk(decorator)
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
    return sorted({mark for text in texts for mark in MARK.findall(text)})
