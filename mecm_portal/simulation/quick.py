"""Remembers the SQL of plain SELECTs, which Django compiles anew each time.

A run asks the same few hundred questions many thousand times, and their compilation is half of its
time.  What is not plain, or whose parameters do not come out as Django's own did the first time, is
left to Django.  Only for the simulator: the sites themselves gain little by it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db.models import lookups
from django.db.models.expressions import Col, Value
from django.db.models.fields import related_lookups
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.where import WhereNode

PLAIN = frozenset(
    {
        lookups.Exact, lookups.GreaterThan, lookups.GreaterThanOrEqual, lookups.LessThan,
        lookups.LessThanOrEqual, lookups.In, lookups.IntegerGreaterThan,
        lookups.IntegerGreaterThanOrEqual, lookups.IntegerLessThan,
        lookups.IntegerLessThanOrEqual, lookups.IntegerFieldExact, related_lookups.RelatedExact,
        related_lookups.RelatedIn,
    }
)
NULLS = frozenset({lookups.IsNull, related_lookups.RelatedIsNull})
AMONG = frozenset({lookups.In, related_lookups.RelatedIn})
ATTRIBUTES = (
    "select", "klass_info", "annotation_col_map", "col_count", "has_extra_select",
    "_meta_ordering", "where", "having", "qualify",
)


class NotPlain(Exception):
    """A query that is left to Django."""


@dataclass(slots=True)
class _Known:
    """What Django made of a query."""

    sql: str
    attributes: tuple[Any, ...]
    converters: dict[int, Any] | None = None


class Quick:
    """Stands in for three methods of Django's compiler."""

    def __init__(self) -> None:
        self._as_sql = SQLCompiler.as_sql
        self._converters = SQLCompiler.get_converters
        self._known: dict[Hashable, _Known | None] = {}

    def places(self) -> tuple[tuple[Any, str, Any], ...]:
        """Where it stands in."""

        def as_sql(
            compiler: Any, with_limits: bool = True, with_col_aliases: bool = False
        ) -> tuple[str, Any]:
            return self.as_sql(compiler, with_limits, with_col_aliases)

        def get_converters(compiler: Any, expressions: Any) -> dict[int, Any]:
            return self.converters(compiler, expressions)

        return (
            (SQLCompiler, "as_sql", as_sql), (SQLCompiler, "get_converters", get_converters)
        )

    def as_sql(
        self, compiler: Any, with_limits: bool, with_col_aliases: bool
    ) -> tuple[str, Any]:
        """Remembered where it is plain."""
        if type(compiler) is not SQLCompiler or not with_limits or with_col_aliases:
            found: tuple[str, Any] = self._as_sql(compiler, with_limits, with_col_aliases)
            return found
        try:
            params: list[Any] = []
            if compiler.query.subquery:
                raise NotPlain
            key = _shape(compiler.query, compiler, params)
        except (NotPlain, EmptyResultSet, FullResultSet):
            return self._as_sql(compiler, with_limits, with_col_aliases)
        if key in self._known:
            known = self._known[key]
            if known is not None:
                for name, value in zip(ATTRIBUTES, known.attributes, strict=True):
                    setattr(compiler, name, value)
                compiler.known = known  # type: ignore[attr-defined]
                return known.sql, tuple(params)
        sql, true = self._as_sql(compiler, with_limits, with_col_aliases)
        attributes = tuple(getattr(compiler, name) for name in ATTRIBUTES)
        same = list(true) == params
        self._known[key] = _Known(sql, attributes) if same else None
        return sql, true

    def converters(self, compiler: Any, expressions: Any) -> dict[int, Any]:
        """Those of a remembered query are remembered too."""
        known: _Known | None = getattr(compiler, "known", None)
        if known is None:
            found: dict[int, Any] = self._converters(compiler, expressions)
            return found
        if known.converters is None:
            known.converters = self._converters(compiler, expressions)
        return known.converters


def _shape(query: Any, compiler: Any, params: list[Any]) -> Hashable:
    """What decides the SQL of a plain query; its parameters are added to ``params``."""
    if (
        query.combinator or query.extra or query.distinct or query.group_by is not None
        or query.extra_tables or query.extra_order_by or query.explain_info
        or (query.select_for_update and compiler.connection.features.has_select_for_update)
    ):
        raise NotPlain
    order = query.order_by
    if not all(type(one) is str for one in order):
        raise NotPlain
    notes = tuple(_annotations(query, params))
    columns = tuple(_column(one) for one in query.select)
    where = _where(query.where, compiler, params)
    joins = tuple(
        (alias, join.table_name, join.join_type, getattr(join, "parent_alias", None),
         query.alias_refcount[alias] > 0)
        for alias, join in query.alias_map.items()
    )
    return (
        query.model, query.default_cols, columns, notes, where, joins, order,
        query.default_ordering, query.standard_ordering, query.low_mark, query.high_mark,
        _frozen(query.select_related), _frozen(query.deferred_loading),
        None if query.selected is None else tuple(query.selected.items()),
        _frozen(query.annotation_select_mask),
    )


def _annotations(query: Any, params: list[Any]) -> Iterator[Hashable]:
    for alias, one in query.annotations.items():
        if type(one) is not Value or type(one.value) is not int:
            raise NotPlain
        params.append(one.value)
        yield alias, one.value


def _column(one: Any) -> Hashable:
    if type(one) is not Col:
        raise NotPlain
    return one.alias, one.target.column, one.target.model


def _where(node: Any, compiler: Any, params: list[Any]) -> Hashable:
    if type(node) is WhereNode:
        parts = tuple(_where(child, compiler, params) for child in node.children)
        return node.connector, node.negated, parts
    kind = type(node)
    if type(getattr(node, "lhs", None)) is not Col:  # `none()`, Exists and their like have no side
        raise NotPlain
    if kind in NULLS:
        return kind, _column(node.lhs), bool(node.rhs)
    if kind in PLAIN and type(node.rhs) is Col:
        return kind, _column(node.lhs), _column(node.rhs)
    if kind in AMONG and type(node.rhs) is Query and node.rhs.has_select_fields:
        return kind, _column(node.lhs), _shape(node.rhs, compiler, params)
    if kind not in PLAIN or hasattr(node.rhs, "as_sql"):
        raise NotPlain
    if hasattr(node.rhs, "resolve_expression") or hasattr(node.rhs, "_prepare"):
        raise NotPlain
    if isinstance(node.rhs, bool):
        return kind, _column(node.lhs), node.rhs
    text, given = node.process_rhs(compiler, compiler.connection)
    params.extend(given)
    return kind, _column(node.lhs), text


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple((key, _frozen(one)) for key, one in value.items())
    if isinstance(value, (tuple, list)):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, (set, frozenset)):
        return frozenset(value)
    found: Hashable = value
    return found
