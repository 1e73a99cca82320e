"""Writing rows where it happens hundreds of times a second.

Django compiles every INSERT anew, value by value; here the statement is made once per model, and
the values go through the fields as they always do.  Not for parents, or models with many-to-many
fields.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, models

# Kinds of field whose plain values every database takes as they are.
_PLAIN_FIELDS = (models.CharField, models.TextField, models.IntegerField, models.BooleanField)
_PLAIN_VALUES = frozenset({str, int, bool, type(None)})


def insert(row: models.Model) -> None:
    """Write a new row; its key is set when the database chose it."""
    connection = connections[DEFAULT_DB_ALIAS]  # once: each look through the proxy costs
    statement, fields, chosen = _statement(type(row), connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(row, fields, connection))
        if chosen:
            row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias


def insert_many(
    rows: Sequence[models.Model], *, known_by: Sequence[str] = (), change: Sequence[str] = ()
) -> None:
    """Write many rows of one model; a key that the database chooses is not set.

    One that is there already, by the fields ``known_by``, gets the values of ``change`` instead.
    """
    if not rows:
        return
    connection = connections[DEFAULT_DB_ALIAS]
    model, vendor = type(rows[0]), connection.vendor
    statement = _of_many(model, vendor, tuple(known_by), tuple(change))
    fields = _statement(model, vendor)[1]
    with connection.cursor() as cursor:
        cursor.executemany(statement, [_values(row, fields, connection) for row in rows])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _values(row: models.Model, fields: list[tuple[Any, bool]], connection: Any) -> list[Any]:
    values = []
    for field, plain in fields:
        value = getattr(row, field.attname) if plain else field.pre_save(row, True)
        if not plain or type(value) not in _PLAIN_VALUES:
            value = field.get_db_prep_save(value, connection)
        values.append(value)
    return values


@lru_cache(maxsize=64)
def _statement(
    model: type[models.Model], vendor: str
) -> tuple[str, list[tuple[Any, bool]], bool]:
    """The statement for this kind of database, its fields, and whether the key comes back.

    Beside each field stands whether it is a plain one: of Django, so without ways of its own.
    """
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    meta = model._meta
    chosen = isinstance(meta.auto_field, models.AutoField)
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    returning = f" RETURNING {quote(str(meta.pk.column))}" if chosen else ""
    # Names of our own models, never of a request.
    text = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({marks}){returning}"  # noqa: S608
    return text, [(field, _is_plain(field)) for field in fields], chosen


@lru_cache(maxsize=64)
def _of_many(
    model: type[models.Model], vendor: str, known_by: tuple[str, ...], change: tuple[str, ...]
) -> str:
    """The same statement without the key, and what it does about a row that is there already."""
    text = _statement(model, vendor)[0].partition(" RETURNING ")[0]
    if not known_by:
        return text
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    known, changed = (
        [quote(str(model._meta.get_field(name).column)) for name in names]  # type: ignore[union-attr]
        for names in (known_by, change)
    )
    changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in changed)
    return f"{text} ON CONFLICT ({', '.join(known)}) DO UPDATE SET {changes}"


def _is_plain(field: models.Field[Any, Any]) -> bool:
    ours = type(field).__module__.partition(".")[0] != "django"
    return isinstance(field, _PLAIN_FIELDS) and not ours
