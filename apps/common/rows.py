"""Inserting single rows where it happens hundreds of times a second.

Django compiles every INSERT anew; here the statement is made once per model, and the values go
through the fields as they always do.  Not for updates, parents, or models with many-to-many fields.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db import connection, models


def insert(row: models.Model) -> None:
    """Write a new row; its key is set when the database chose it."""
    statement, fields, chosen = _statement(type(row), connection.vendor)
    values = [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if chosen:
            row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=64)
def _statement(model: type[models.Model], vendor: str) -> tuple[str, list[Any], bool]:
    """The statement for this kind of database, its fields, and whether the key comes back."""
    meta = model._meta
    chosen = isinstance(meta.auto_field, models.AutoField)
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    returning = f" RETURNING {quote(str(meta.pk.column))}" if chosen else ""
    # Names of our own models, never of a request.
    text = f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({marks}){returning}"  # noqa: S608
    return text, fields, chosen
