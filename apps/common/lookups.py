"""Conditions on columns that Django does not have for every database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.db.models import JSONField, Lookup

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup


@JSONField.register_lookup
class Holds(_Lookup):
    """``column__holds=value``: a JSON list that has exactly this text among its items."""

    lookup_name = "holds"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """As SQLite says it."""
        column, params = self.process_lhs(compiler, connection)
        items = f"json_each({column})"  # the name of a column of ours, never of a request
        sql = f"EXISTS (SELECT 1 FROM {items} AS held WHERE held.value = %s)"  # noqa: S608
        return sql, [*params, self.rhs]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """As PostgreSQL says it."""
        column, params = self.process_lhs(compiler, connection)
        return f"{column} @> %s::jsonb", [*params, json.dumps([self.rhs])]
