#!/usr/bin/env python3
"""Translation catalogs: ``extract`` updates them, ``check`` finds gaps, ``compile`` builds.

Reads Python, templates and our scripts.  Only English msgids stand in the source; the catalogs of
the other languages live in ``locale``.  Compiled files are built, never committed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract as babel_extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from django.conf import settings
from django.utils.translation.template import templatize

from tools.findings import ROOT, Finding, our_files

LANGUAGES = ("zh_Hans",)
SOURCES = ("apps", "mecm_portal")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# Without dates and names, so that only texts ever change.
_HEADER = r"""msgid ""
msgstr ""
"Project-Id-Version: MECM Portal\n"
"Language: {language}\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: {plurals}\n"

"""
_PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
_SENTENCE_TAKERS = {
    "Conflict",
    "Denied",
    "Invalid",
    "Locked",
    "NotFound",
    "Reason",
    "Unauthenticated",
    "Upstream",
    "UpstreamTimeout",
    "ValidationError",
}


def template_catalog(root: Path = ROOT) -> Catalog:
    """Every msgid of the source with the files that say it."""
    catalog = Catalog(project="MECM Portal", fuzzy=False)
    for path in our_files(root, "*.py", below=SOURCES):
        _add(catalog, root, path, "python", path.read_text())
    for path in our_files(root, "*.html", "*.txt", below=["templates"]):
        # Indentation means nothing in a template, but much to a reader of Python.
        text = re.sub(r"(?m)^[ \t]+", "", templatize(path.read_text(), origin=str(path)))
        _add(catalog, root, path, "python", text)
    for path in our_files(root, "*.js", below=["static"]):
        _add(catalog, root, path, "javascript", path.read_text())
    return catalog


def extract(root: Path = ROOT) -> int:
    """Update every catalog, keeping translations; returns how many texts lack one."""
    source = template_catalog(root)
    missing = 0
    for language in LANGUAGES:
        path = po_path(root, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        catalog = _read(path, language)
        catalog.update(source, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        with path.open("wb") as file:
            file.write(_HEADER.format(language=language, plurals=catalog.plural_forms).encode())
            write_po(
                file, catalog, width=100, sort_output=True, include_lineno=False, omit_header=True
            )
        missing += sum(
            1 for message in catalog if message.id and not _is_translated(message.string)
        )
    return missing


def check(root: Path = ROOT) -> list[Finding]:
    """Texts without translation, doubtful or broken ones, and sentences not marked at all."""
    found = list(unmarked(root))
    source = template_catalog(root)
    for language in LANGUAGES:
        path = po_path(root, language)
        name = path.relative_to(root).as_posix()
        catalog = _read(path, language)
        for message in source:
            if not message.id:
                continue
            known = catalog.get(message.id, message.context)
            where = (message.locations or [("?", 1)])[0]
            text = message.id if isinstance(message.id, str) else message.id[0]
            if known is None or not _is_translated(known.string):
                what = f"“{text[:60]}” has no translation to {language}"
                remedy = "run “make translations” and translate it in " + name
                found.append(Finding(where[0], where[1], what, remedy))
            elif known.fuzzy:
                found.append(
                    Finding(name, known.lineno or 1, f"“{text[:60]}” is marked fuzzy", "settle it")
                )
            elif _placeholders(known.string) != _placeholders(message.id):
                what = f"“{text[:60]}” and its translation have different %(…)s"
                found.append(Finding(name, known.lineno or 1, what, "use the same ones"))
    return sorted(found)


def unmarked(root: Path) -> Iterator[Finding]:
    """Sentences for people that are written in code without N_ or _ around them."""
    for path in our_files(root, "*.py", below=["apps"]):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = ast.unparse(node.func).rsplit(".", 1)[-1]
            first = node.args[0]
            if called in _SENTENCE_TAKERS and _is_sentence(first):
                what = f"{called} gets a sentence that no catalog knows"
                remedy = "write N_(…) with %(name)s placeholders"
                yield Finding(path.relative_to(root).as_posix(), first.lineno, what, remedy)


def compile_all(root: Path = ROOT) -> int:
    """Write the .mo file of every catalog; returns how many."""
    catalogs = [
        (path, _read(path, path.parent.parent.name))
        for path in sorted(root.glob("locale/*/*/*.po"))
    ]
    for path, catalog in catalogs:
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalog)
    return len(catalogs)


def po_path(root: Path, language: str) -> Path:
    """Where the catalog of ``language`` lives."""
    return root / "locale" / language / "LC_MESSAGES" / "django.po"


def main(arguments: list[str]) -> int:
    """``extract``, ``check`` or ``compile``."""
    if not settings.configured:
        settings.configure(USE_I18N=True)
    if arguments == ["extract"]:
        sys.stdout.write(f"{extract()} texts lack a translation\n")
        return 0
    if arguments == ["compile"]:
        sys.stdout.write(f"{compile_all()} catalogs compiled\n")
        return 0
    if arguments == ["check"]:
        found = check()
        sys.stdout.writelines(f"{finding}\n" for finding in found)
        return 1 if found else 0
    sys.stdout.write("usage: translations.py extract|check|compile\n")
    return 2


def _add(catalog: Catalog, root: Path, path: Path, method: str, text: str) -> None:
    name = path.relative_to(root).as_posix()
    found = babel_extract(
        method, io.BytesIO(text.encode()), keywords=KEYWORDS, options={"encoding": "utf-8"}
    )
    for line, msgid, _comments, context in found:
        first = msgid if isinstance(msgid, str) else msgid[0]
        flags = ["python-format"] if _PLACEHOLDER.search(first) else []
        catalog.add(msgid, locations=[(name, line)], flags=flags, context=context)


def _read(path: Path, language: str) -> Catalog:
    if not path.exists():
        return Catalog(locale=language, project="MECM Portal", fuzzy=False, domain="django")
    with path.open("rb") as file:
        return read_po(file, locale=language, domain="django")


def _is_translated(text: object) -> bool:
    return bool(text) if isinstance(text, str) else isinstance(text, (tuple, list)) and all(text)


def _placeholders(text: object) -> set[str]:
    parts = (
        [text] if isinstance(text, str) else list(text) if isinstance(text, (tuple, list)) else []
    )
    return {name for part in parts for name in _PLACEHOLDER.findall(part)}


def _is_sentence(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
