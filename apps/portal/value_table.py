"""Tables of values that no database has: searched, sorted and paged as those of rows are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from apps.portal.listing import Table


@dataclass(frozen=True, slots=True)
class ValueTable(Table[Any]):
    """A table whose ``search`` and orders name attributes, also of attributes (``flavor.name``)."""

    def found(self, rows: Sequence[Any], word: str) -> Sequence[Any]:
        """Those that have the word in one of the attributes that are searched."""
        reads = [attrgetter(name) for name in self.search]
        wanted = word.casefold()
        return [row for row in rows if any(wanted in str(read(row)).casefold() for read in reads)]

    def ordered(self, rows: Sequence[Any], sort: str) -> Sequence[Any]:
        """By one column; what is not known comes last either way up."""
        fields = {column.key: column.order for column in self.columns}
        read = attrgetter(fields[sort.removeprefix("-")])
        known = [row for row in rows if read(row) not in (None, "")]
        rest = [row for row in rows if read(row) in (None, "")]
        known.sort(key=lambda row: _folded(read(row)), reverse=sort.startswith("-"))
        return known + rest


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
