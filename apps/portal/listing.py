"""Searched, filtered, sorted and paged tables whose whole state is in the URL.  Knows no model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from apps.common.words import Text

M = TypeVar("M", bound=Model)
PAGE_LENGTH = 25


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``order`` is the field that it sorts by, empty for one that does not sort."""

    key: str
    label: Text
    order: str = ""
    css: str = ""


@dataclass(frozen=True, slots=True)
class Facet:
    """A choice above the table; each option is a value, its label and the condition it means."""

    name: str
    label: Text
    options: Sequence[tuple[str, Text, Q]]


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head: where a click leads and how the table is sorted by it now."""

    label: Text
    css: str
    href: str = ""
    sort: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A facet as the reader set it."""

    name: str
    label: Text
    value: str
    options: Sequence[tuple[str, Text]]


@dataclass(frozen=True, slots=True)
class Listing(Generic[M]):
    """One page of a table and everything that its template needs to draw the rest."""

    rows: Sequence[M]
    heads: Sequence[Head]
    choices: Sequence[Choice]
    q: str
    sort: str
    total: int
    first: int
    last: int
    previous: str
    following: str
    url: str
    path: str
    is_filtered: bool
    pages: int = 1
    number: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table(Generic[M]):
    """What a table offers: its columns, what a search looks at, its facets and first order."""

    columns: Sequence[Column]
    search: Sequence[str]
    first_order: str
    facets: Sequence[Facet] = ()
    prepare: Callable[[list[M]], None] | None = None

    def read(self, request: HttpRequest, rows: Any) -> Listing[M]:
        """The part of ``rows`` that the URL asks for; nonsense in the URL is ignored."""
        given = request.GET
        q = " ".join(given.get("q", "").split())[:100]
        for word in q.split():
            rows = self.found(rows, word)
        choices = []
        for facet in self.facets:
            value, rows = _choose(facet, given.get(facet.name, ""), rows)
            labels = [(key, label) for key, label, _ in facet.options]
            choices.append(Choice(facet.name, facet.label, value, labels))
        sort = self._sort(given.get("sort", ""))
        page = _page(self.ordered(rows, sort), given.get("page", ""))
        found = list(page.object_list) if page.paginator.count else []
        if self.prepare:
            self.prepare(found)
        state = _state(q, choices, sort if sort != self.first_order else "")
        return Listing(
            rows=found,
            heads=[self._head(column, sort, state, request.path) for column in self.columns],
            choices=choices,
            q=q,
            sort=sort if sort != self.first_order else "",
            total=page.paginator.count,
            first=page.start_index(),
            last=page.end_index(),
            previous=_href(request.path, state, page.number - 1) if page.has_previous() else "",
            following=_href(request.path, state, page.number + 1) if page.has_next() else "",
            url=_href(request.path, state, page.number),
            path=request.path,
            is_filtered=bool(q or any(choice.value for choice in choices)),
            pages=page.paginator.num_pages,
            number=page.number,
        )

    def found(self, rows: Any, word: str) -> Any:
        """The rows in which a search finds a word."""
        return rows.filter(_any(self.search, word))

    def ordered(self, rows: Any, sort: str) -> Any:
        """The rows by a column, downwards where ``sort`` begins with a minus."""
        return rows.order_by(*self._order(sort))

    def _sort(self, asked: str) -> str:
        known = {column.key for column in self.columns if column.order}
        return asked if asked.removeprefix("-") in known else self.first_order

    def _order(self, sort: str) -> list[str]:
        fields = {column.key: column.order for column in self.columns}
        sign = "-" if sort.startswith("-") else ""
        return [f"{sign}{fields[sort.removeprefix('-')]}", "pk"]

    def _head(self, column: Column, sort: str, state: Mapping[str, str], path: str) -> Head:
        if not column.order:
            return Head(column.label, column.css)
        by_this = sort.removeprefix("-") == column.key
        direction = "descending" if sort.startswith("-") else "ascending"
        other = {**state, "sort": f"-{column.key}" if sort == column.key else column.key}
        sorted_now = direction if by_this else "none"
        return Head(column.label, column.css, _href(path, other, 1), sorted_now)


def paged(request: HttpRequest, rows: Any, *, length: int = PAGE_LENGTH) -> Listing[Any]:
    """One page of ``rows`` in the order that they have, without columns to sort by or a search."""
    page = Paginator(rows, length).get_page(request.GET.get("page", ""))
    return Listing(
        rows=list(page.object_list) if page.paginator.count else [],
        heads=(),
        choices=(),
        q="",
        sort="",
        total=page.paginator.count,
        first=page.start_index(),
        last=page.end_index(),
        previous=_href(request.path, {}, page.number - 1) if page.has_previous() else "",
        following=_href(request.path, {}, page.number + 1) if page.has_next() else "",
        url=_href(request.path, {}, page.number),
        path=request.path,
        is_filtered=False,
        pages=page.paginator.num_pages,
        number=page.number,
    )


def _any(fields: Sequence[str], word: str) -> Q:
    return reduce(or_, (Q(**{f"{name}__icontains": word}) for name in fields))


def _choose(facet: Facet, asked: str, rows: QuerySet[M]) -> tuple[str, QuerySet[M]]:
    for key, _label, condition in facet.options:
        if key == asked:
            return key, rows.filter(condition)
    return "", rows


def _page(rows: Any, asked: str) -> Page[Any]:
    return Paginator(rows, PAGE_LENGTH).get_page(asked)


def _state(q: str, choices: Sequence[Choice], sort: str) -> Mapping[str, str]:
    pairs = [("q", q), *((choice.name, choice.value) for choice in choices), ("sort", sort)]
    return {name: value for name, value in pairs if value}


def _href(path: str, state: Mapping[str, str], page: int) -> str:
    given = {**state, "page": str(page)} if page > 1 else state
    return f"{path}?{urlencode(given)}" if given else path
