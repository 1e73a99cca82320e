"""Templates and static files: they compile, stay at home, obey the strict CSP, are translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from django.contrib.staticfiles import finders
from django.template import TemplateDoesNotExist, TemplateSyntaxError, engines

from tools.findings import Finding, our_files

_EXTERNAL = re.compile(r"(?:https?:)?//(?!www\.w3\.org/)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_EXTERNAL_REFERENCE = re.compile(
    r"(?:src|href|action|srcset)\s*=\s*[\"']\s*((?:https?:)?//)", re.IGNORECASE
)
_INLINE = {
    "an inline script": re.compile(
        r"<script\b(?![^>]*\b(?:src|type=\"application/json\"))[^>]*>", re.I
    ),
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "an inline event handler": re.compile(r"<[^>]+\son[a-z]+\s*=", re.IGNORECASE),
}
_SILENT = re.compile(
    r"{#.*?#}|{%\s*comment\b.*?{%\s*endcomment\s*%}|{%\s*blocktrans(?:late)?\b.*?{%\s*endblocktrans(?:late)?\s*%}",
    re.DOTALL,
)
_TEMPLATE_NAME = re.compile(r"{%\s*(?:extends|include)\s+[\"']([^\"']+)[\"']")
_STATIC_NAME = re.compile(r"{%\s*static\s+[\"']([^\"']+)[\"']")
_TAG = re.compile(r"{%.*?%}|{{.*?}}", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2,}")
_SPOKEN_ATTRIBUTES = {
    "title",
    "alt",
    "placeholder",
    "aria-label",
    "aria-description",
    "label",
    "hx-confirm",
}
# Written the same in every language: proper names, units and formats.
# fmt: off
_SAME_EVERYWHERE = {
    "API", "CIDR", "CPU", "CSAR", "DNS", "ETSI", "GB", "GHz", "GiB", "GPU", "HTTP", "HTTPS",
    "ID", "IP", "JSON", "KiB", "Kubernetes", "MB", "MEC", "MECM", "MEP", "MiB", "MTU",
    "OpenStack", "PNG", "Portal", "REST", "SHA", "SVG", "TCP", "TTL", "UDP", "URL", "UUID",
    "VIM", "VM", "VNC", "YAML", "ms", "vCPU",
}
# fmt: on
_MUTE_ELEMENTS = {"script", "style", "code", "kbd", "samp"}
_VOID = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "source",
    "track",
    "wbr",
}


def check(root: Path) -> list[Finding]:
    """Every finding in templates and static files below ``root``."""
    found: list[Finding] = []
    for path in our_files(root, "*.html", "*.txt", "*.svg", below=["templates"]):
        name, text = path.relative_to(root).as_posix(), path.read_text()
        found += compiles(name, text)
        found += refers_to_what_exists(name, text)
        found += stays_home(name, text)
        found += obeys_policy(name, text)
        if path.suffix == ".html":
            found += is_translated(name, text)
    for path in our_files(root, "*.css", "*.js", below=["static"]):
        found += stays_home(path.relative_to(root).as_posix(), path.read_text())
    return sorted(found)


def compiles(name: str, text: str) -> Iterator[Finding]:
    """Tags, filters and blocks are right."""
    try:
        engines["django"].from_string(text)
    except TemplateSyntaxError as error:
        token = getattr(error, "token", None)
        yield Finding(
            name, getattr(token, "lineno", 1) or 1, f"does not compile ({error})", "correct the tag"
        )


def refers_to_what_exists(name: str, text: str) -> Iterator[Finding]:
    """Templates and static files that are named as they are do exist."""
    for match in _TEMPLATE_NAME.finditer(text):
        try:
            engines["django"].get_template(match.group(1))
        except TemplateDoesNotExist:
            yield Finding(
                name,
                _line(text, match),
                f"names a missing template: {match.group(1)}",
                "correct it",
            )
        except TemplateSyntaxError:
            pass  # told where it stands
    for match in _STATIC_NAME.finditer(text):
        if finders.find(match.group(1)) is None:
            remedy = "correct it, or list it in tools/vendor_assets.py"
            yield Finding(
                name, _line(text, match), f"names a missing static file: {match.group(1)}", remedy
            )


def stays_home(name: str, text: str) -> Iterator[Finding]:
    """Nothing is fetched from another host at run time."""
    for pattern in (_EXTERNAL, _EXTERNAL_REFERENCE):
        for match in pattern.finditer(text):
            remedy = "bring it as a pinned npm package (tools/vendor_assets.py) or leave it out"
            yield Finding(name, _line(text, match), f"names another host: {match.group(0)}", remedy)


def obeys_policy(name: str, text: str) -> Iterator[Finding]:
    """The content policy lets no inline code through, so it would silently not work."""
    spoken = _blank(_SILENT, text)
    for what, pattern in _INLINE.items():
        for match in pattern.finditer(spoken):
            yield Finding(
                name, _line(spoken, match), f"has {what}", "move it to a file below static/"
            )


def is_translated(name: str, text: str) -> Iterator[Finding]:
    """Every word that a person reads goes through the catalog."""
    reader = _TextReader()
    reader.feed(_blank(_TAG, _blank(_SILENT, text)))
    reader.close()
    for line, words in reader.raw:
        remedy = 'use {% translate %}, or translate="no" on the element for a proper name'
        yield Finding(name, line, f"says “{words}” untranslated", remedy)


class _TextReader(HTMLParser):
    """Collects text and spoken attributes that stand in the template as they are."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.raw: list[tuple[int, str]] = []
        self._mute: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Read its attributes, and note when what follows is not for people."""
        names = dict(attrs)
        if not self._mute:
            for attribute in _SPOKEN_ATTRIBUTES.intersection(names):
                self._note(names[attribute] or "")
        silent = tag in _MUTE_ELEMENTS or names.get("translate") == "no"
        if (self._mute or silent) and tag not in _VOID:
            self._mute.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        if tag in self._mute:
            while self._mute.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Read text."""
        if not self._mute:
            self._note(data)

    def _note(self, text: str) -> None:
        words = " ".join(text.split())
        if not _SAME_EVERYWHERE.issuperset(_WORD.findall(words)):
            before = text[: len(text) - len(text.lstrip())]
            self.raw.append((self.getpos()[0] + before.count("\n"), words[:60]))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with every match made empty; line numbers stay."""
    return pattern.sub(lambda match: "\n" * match.group(0).count("\n"), text)


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start()) + 1
