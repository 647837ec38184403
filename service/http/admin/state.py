"""What a table page shows, between its URL and a choice of rows: all of it is in the URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, get_args
from urllib.parse import quote

from service.domain.conditions import Choice, conditions
from service.domain.viewer import Column, Deleted, View
from service.errors import InvalidRequest
from service.http.words import unknown

_PAGES: Final = re.compile(r"[1-9][0-9]{0,5}")
_LONGEST: Final = 300
# What the query part of a URL may hold as it is, beside letters and digits.
_SAFE: Final = ",/:@~=."


@dataclass(frozen=True)
class State:
    """The filters as they were typed, the order, the page and the columns of a table."""

    view: View
    filters: Mapping[str, str] = field(default_factory=dict)
    q: str = ""
    deleted: Deleted = "no"
    sort: tuple[str, ...] = ()
    page: int = 1
    # Empty for those that are shown by default.
    columns: tuple[str, ...] = ()
    # What is wrong with it, by parameter.
    problems: Mapping[str, str] = field(default_factory=dict)

    @property
    def shown(self) -> list[Column]:
        """The columns that are shown; first the one that names the row, which always is."""
        names = dict.fromkeys((self.view.key, *(self.columns or self.view.shown)))
        return [self.view.by_name[name] for name in names]

    @property
    def choice(self) -> Choice:
        """The rows that are asked for. Raises `InvalidRequest` where there are problems."""
        for name, problem in self.problems.items():
            raise InvalidRequest(problem if name in problem else f"{name}: {problem}")
        where = tuple(
            (name, condition)
            for name, text in self.filters.items()
            for condition in conditions(self.view.by_name[name], text)
        )
        return Choice(self.view, where, self.q or None, self.deleted, self.sort)

    def url(self, path: str = "", /, **changes: Any) -> str:
        """The URL of this state, some of it changed; by default from its first page."""
        state = replace(self, **({"page": 1} | changes))
        pairs: dict[str, str] = {}
        if state.q:
            pairs["q"] = state.q
        pairs |= state.filters
        if state.deleted != "no":
            pairs["deleted"] = state.deleted
        if state.sort:
            pairs["sort"] = ",".join(state.sort)
        if state.columns:
            pairs["columns"] = ",".join(state.columns)
        if state.page > 1:
            pairs["page"] = str(state.page)
        query = "&".join(
            f"{name}={quote(text, safe=_SAFE).replace('%20', '+')}" for name, text in pairs.items()
        )
        return (path or f"/admin/tables/{self.view.name}") + (f"?{query}" if query else "")

    def without(self, name: str) -> str:
        """The URL of this state without one filter."""
        return self.url(filters={n: text for n, text in self.filters.items() if n != name})

    def sorted_by(self, name: str) -> str:
        """The URL of this state in the order of a column; the other way round if it is already."""
        return self.url(sort=(f"-{name}" if self.direction(name) == "ascending" else name,))

    def direction(self, name: str) -> str:
        """How a column orders the rows, in the words of `aria-sort`."""
        first = (self.sort or (self.view.order,))[0]
        if first.removeprefix("-") != name:
            return "none"
        return "descending" if first.startswith("-") else "ascending"


def read_state(view: View, query: Mapping[str, str]) -> State:
    """The state that parameters ask for; those that are empty ask nothing."""
    filters: dict[str, str] = {}
    problems: dict[str, str] = {}
    given: dict[str, Any] = {}
    for name, text in query.items():
        text = text.strip()
        if not text:
            continue
        if len(text) > _LONGEST and name != "columns":
            problems[name] = f"{_LONGEST} characters at most are read"
        column = view.by_name.get(name)
        if column is not None and column.filterable:
            filters[name] = text
            try:
                conditions(column, text)
            except InvalidRequest as error:
                problems[name] = error.message
        elif name == "q":
            given["q"] = text
        elif name == "page":
            if _PAGES.fullmatch(text):
                given["page"] = int(text)
            else:
                problems[name] = f"a page is a whole number from 1, not {text!r}"
        elif name == "deleted" and text in get_args(Deleted):
            given["deleted"] = text
        elif name in ("sort", "columns"):
            names = tuple(dict.fromkeys(one for one in text.split(",") if one))
            known = [c.name for c in view.columns if c.sortable or name == "columns"]
            wrong = [one for one in names if one.removeprefix("-" * (name == "sort")) not in known]
            if wrong:
                problems[name] = unknown("column", wrong[0], known)
            elif name == "sort" or {*names, view.key} != {*view.shown, view.key}:
                given[name] = names
        else:
            names_ = [c.name for c in view.columns if c.filterable]
            known = [*names_, "q", "deleted", "sort", "columns", "page"]
            problems[name] = unknown("parameter", name, known)
    ordered = {c.name: filters[c.name] for c in view.columns if c.name in filters}
    return State(view, ordered, problems=problems, **given)
