"""The check report while it is being written.  Refusals are not written here; they are raised."""

from __future__ import annotations

from typing import Any

from apps.common.words import Reason
from apps.packages.csar.info import Check, Level
from apps.packages.csar.refusals import shown

MAX_CHECKS = 500


class Report:
    """Collects checks in the order in which they were made; bounded."""

    def __init__(self) -> None:
        self._checks: list[Check] = []

    def add(
        self,
        level: Level,
        code: str,
        text: str,
        path: str = "",
        /,
        *,
        line: int | None = None,
        **params: Any,
    ) -> None:
        """Add a line; ``text`` is a marked msgid, ``params`` fill it, "path" and "line" too."""
        if len(self._checks) >= MAX_CHECKS:
            return
        safe = {key: shown(one) if isinstance(one, str) else one for key, one in params.items()}
        place = shown(path)
        reason = Reason(text, code, {"path": place, "line": line, **safe})
        self._checks.append(Check(level, code, reason, place, line))

    def ok(self, code: str, text: str, path: str = "", /, **params: Any) -> None:
        """Something was looked at and is as it should be."""
        self.add("ok", code, text, path, **params)

    def info(self, code: str, text: str, path: str = "", /, **params: Any) -> None:
        """Worth knowing, and no fault."""
        self.add("info", code, text, path, **params)

    def warning(self, code: str, text: str, path: str = "", /, **params: Any) -> None:
        """A fault that does not keep the package from running."""
        self.add("warning", code, text, path, **params)

    def error(self, code: str, text: str, path: str = "", /, **params: Any) -> None:
        """A fault that will keep the application from starting."""
        self.add("error", code, text, path, **params)

    @property
    def checks(self) -> tuple[Check, ...]:
        """The report, the gravest first, else in order."""
        rank = {"error": 0, "warning": 1, "info": 2, "ok": 3}
        return tuple(sorted(self._checks, key=lambda check: rank[check.level]))
