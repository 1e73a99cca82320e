"""Inserting single rows where it happens hundreds of times a second.

Django compiles every INSERT anew; here the statement is made once per model, and the values go
through the fields as they always do.  Not for updates, parents, or models with many-to-many fields.
"""

from __future__ import annotations

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
    values = []
    for field, plain in fields:
        value = getattr(row, field.attname) if plain else field.pre_save(row, True)
        if not plain or type(value) not in _PLAIN_VALUES:
            value = field.get_db_prep_save(value, connection)
        values.append(value)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if chosen:
            row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=64)
def _statement(
    model: type[models.Model], vendor: str
) -> tuple[str, list[tuple[Any, bool]], bool]:
    """The statement for this kind of database, its fields, and whether the key comes back.

    Beside each field stands whether it is a plain one: of Django, so without ways of its own.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    meta = model._meta
    chosen = isinstance(meta.auto_field, models.AutoField)
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    returning = f" RETURNING {quote(str(meta.pk.column))}" if chosen else ""
    # Names of our own models, never of a request.
    text = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({marks}){returning}"  # noqa: S608
    plain = [_is_plain(field) for field in fields]
    return text, list(zip(fields, plain, strict=True)), chosen


def _is_plain(field: models.Field[Any, Any]) -> bool:
    ours = type(field).__module__.partition(".")[0] != "django"
    return isinstance(field, _PLAIN_FIELDS) and not ours
