"""Tables as people look at them: their columns, and what one may ask of each."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Struct

from service.domain.benchmarks import Score
from service.domain.changes import Change, Table
from service.domain.edits import EDITS
from service.domain.held import HeldPrice, ProposedPrice
from service.domain.models import Model
from service.domain.pricing import FIGURES, Price
from service.domain.providers import Provider
from service.domain.runs import Run
from service.domain.tokens import Token

# A `row` is a whole row of the change log.
Kind = Literal[
    "text", "whole", "decimal", "date", "moment", "flag", "choice", "list", "json", "row"
]
ViewName = Literal[
    "providers", "models", "pricing", "benchmarks", "runs", "held", "changes", "tokens"
]
Deleted = Literal["no", "only", "any"]


class Column(Struct, frozen=True, kw_only=True):
    """One column of a view."""

    # As the API spells it.
    name: str
    kind: Kind
    # Values of a choice, elements of a list.
    choices: tuple[str, ...] = ()
    # Whether it may be unknown.
    nullable: bool = False
    editable: bool = False

    @property
    def label(self) -> str:
        """The name in words."""
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in self.name)
        return words[:1].upper() + words[1:]

    @property
    def sortable(self) -> bool:
        """Whether rows can be in its order."""
        return self.kind not in ("json", "row")

    @property
    def filterable(self) -> bool:
        """Whether rows can be chosen by it."""
        return self.kind != "row"


class View(Struct, frozen=True, kw_only=True, dict=True):
    """A table as it is looked at."""

    name: ViewName
    title: str
    columns: tuple[Column, ...]
    # The column that names a row, and the order of the rows unless another is asked for.
    key: str = "id"
    order: str = "id"
    # What is shown unless other columns are chosen.
    shown: tuple[str, ...]
    # What free text is looked for in.
    searched: tuple[str, ...]
    # The table of the API whose rows these are: those can be edited, deleted and restored.
    table: Table | None = None

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}


def _column(name: str, hint: Any, editable: Iterable[str]) -> Column:
    leaves = list(_leaves(hint))
    kinds = [kind for kind in leaves if isinstance(kind, str)]
    choices = next((one for one in leaves if isinstance(one, tuple)), ())
    kind = kinds[0] if kinds else "json"
    if name == "knowledgeCutoff":  # a day or a month
        kind = "date"
    return Column(
        name=name,
        kind=typing.cast(Kind, kind),
        choices=choices,
        nullable=None in leaves,
        editable=name in editable,
    )


_PLAIN: Final = {Decimal: "decimal", bool: "flag", int: "whole", str: "text", type(None): None}
_FORMATS: Final = {"date": "date", "date-time": "moment"}


def _leaves(hint: Any) -> Iterator[str | tuple[str, ...] | None]:
    """The kinds that a type is made of, the choices that it leaves, and None where it may be."""
    origin = typing.get_origin(hint)
    if origin is Annotated:
        kind, *meta = typing.get_args(hint)
        formats = [one.extra_json_schema or {} for one in meta]
        format = next((one["format"] for one in formats if "format" in one), None)
        if format is not None:
            yield _FORMATS[format]
        yield from _leaves(kind)
    elif origin is Literal:
        yield "choice"
        yield typing.get_args(hint)
    elif origin is tuple:
        yield "list"
        yield from _leaves(typing.get_args(hint)[0])
    elif origin is not None:
        for argument in typing.get_args(hint):
            if argument is not Ellipsis:
                yield from _leaves(argument)
    elif hint in _PLAIN:
        yield _PLAIN[hint]


def _columns(struct: type[Struct], editable: Iterable[str] = (), but: str = "") -> list[Column]:
    hints = typing.get_type_hints(struct, include_extras=True)
    names = zip(struct.__struct_fields__, struct.__struct_encode_fields__, strict=True)
    left_out = but.split()
    return [_column(n, hints[f], editable) for f, n in names if n not in left_out]


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _data(name: Table, title: str, struct: type[Struct], shown: str, searched: str) -> View:
    """A table of the catalogue."""
    deleted = Column(name="deletedAt", kind="moment", nullable=True)
    columns = [*_columns(struct, EDITS[name].part.__struct_encode_fields__), deleted]
    return View(
        name=name,
        title=title,
        columns=tuple(columns),
        shown=_names(shown),
        searched=_names(searched),
        table=name,
    )


def _figures(prefix: str) -> list[Column]:
    spelled = dict(
        zip(ProposedPrice.__struct_fields__, ProposedPrice.__struct_encode_fields__, strict=True)
    )
    return [
        Column(
            name=prefix + spelled[field][:1].upper() + spelled[field][1:],
            kind="decimal",
            nullable=True,
        )
        for field in FIGURES
    ]


_LOG: Final = [
    column if column.name not in ("before", "after") else msgspec.structs.replace(
        column, kind="row"
    )
    for column in _columns(Change)
]  # fmt: skip
VIEWS: Final[Mapping[str, View]] = {
    view.name: view
    for view in (
        _data(
            "providers",
            "Providers",
            Provider,
            "id name website apiDocsUrl updatedAt",
            "id name website",
        ),
        _data(
            "models",
            "Models",
            Model,
            "id name mode contextWindow maxOutput supportsVision supportsTools releaseDate "
            "deprecated updatedAt",
            "id name",
        ),
        _data(
            "pricing",
            "Prices",
            Price,
            "id modelId effectiveDate serviceTier contextThreshold inputPrice outputPrice "
            "cachedInputPrice state updatedAt",
            "modelId",
        ),
        _data(
            "benchmarks",
            "Scores",
            Score,
            "id modelId benchmarkName score scoreLow scoreHigh unit measuredAt updatedAt",
            "modelId benchmarkName",
        ),
        View(
            name="runs",
            title="Runs",
            columns=tuple(_columns(Run, but="counts")),
            order="-startedAt",
            shown=_names("id status source actor startedAt completedAt modelsUpdated"),
            searched=_names("id source actor"),
        ),
        View(
            name="held",
            title="Held prices",
            columns=(
                *_columns(HeldPrice, but="proposed current"),
                *_figures("proposed"),
                *_figures("current"),
            ),
            order="-id",
            shown=_names(
                "id modelId serviceTier effectiveDate currentInputPrice proposedInputPrice "
                "currentOutputPrice proposedOutputPrice status source heldAt"
            ),
            searched=_names("modelId source actor"),
        ),
        View(
            name="changes",
            title="Changes",
            columns=tuple(_LOG),
            key="revision",
            order="-revision",
            shown=_names("revision changedAt kind id modelId after actor runId"),
            searched=_names("id modelId actor runId"),
        ),
        View(
            name="tokens",
            title="Tokens",
            columns=tuple(_columns(Token)),
            order="-createdAt",
            shown=_names("id name scope createdAt expiresAt revokedAt lastUsedAt"),
            searched=_names("id name"),
        ),
    )
}
