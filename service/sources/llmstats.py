"""LLMStats: published benchmark scores, one line of CSV for each model and benchmark.

Columns: `provider, model_id, name, release_date, benchmark_name, score, is_self_reported, method,
measured_at, source_url`. LLMStats (https://llm-stats.com) publishes the figures under CC BY 4.0.

Choices where the format leaves one:
- Scores are fractions of 1. What lies beyond is on a scale of its own, and has no unit; of word
  error rates less is better.
- One benchmark is spelled in several ways: case, spaces, `-` and `_` make no difference, nor do the
  spellings of the table below. A spelling that is known already counts, else the commonest here.
- There is one score per model and benchmark: one that the maker did not measure itself before one
  that it did, then the newest, then the first.
- Names that move from version to version have no scores: they were another model's.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from service.domain import decimals
from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue
from service.sources.documents import Unreadable, text_of
from service.sources.identity import Makers, is_moving, maker_named

URL: Final = "https://llm-stats.com"
COLUMNS: Final = (
    *("provider", "model_id", "name", "release_date", "benchmark_name", "score"),
    *("is_self_reported", "method", "measured_at", "source_url"),
)
# One benchmark by several names, as `fold` writes them, and the name that it goes by.
SPELLINGS: Final[Mapping[str, str]] = {
    "ai2reasoningchallenge(arc)": "ARC-C",
    "bbh": "BIG-Bench Hard",
    "docvqatest": "DocVQA",
    "gpqadiamond": "GPQA Diamond",
    "infovqatest": "InfoVQA",
    "mmbenchtest": "MMBench",
    "mmmu(validation)": "MMMU (val)",
    "mmmuval": "MMMU (val)",
    "multilf": "Multi-IF",
    "theroemqa": "TheoremQA",
}
_FLAGS: Final = {"true": True, "false": False}
_SEPARATORS: Final = re.compile(r"[\s_-]+")


def fold(name: str) -> str:
    """A benchmark's name as it is compared."""
    return _SEPARATORS.sub("", name).casefold()


def read(content: bytes, known: Catalogue, day: datetime.date) -> Catalogue:
    """The rows of the file, models matched to those that are known. Raises `Unreadable`."""
    reader = csv.DictReader(StringIO(text_of(content), newline=""))
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise Unreadable(f"has another shape: line 1 names no column {', '.join(missing)}")
    try:
        rows = list(reader)
    except csv.Error as error:
        raise Unreadable(f"is not CSV: {error}") from None
    catalogue = Catalogue(name="llmstats", as_of=day)
    lines = [line for line in rows if None not in line and None not in line.values()]
    if short := len(rows) - len(lines):
        catalogue.reject("benchmarks", "lines", "not as many cells as columns", short)
    names = _names((line["benchmark_name"] for line in lines), known)
    makers = Makers(known.models.values())
    for line in lines:
        row = _score(line, names)
        if isinstance(row, str):
            what = f"{line['model_id']} {line['benchmark_name']}: {line['score']}"
            catalogue.reject("benchmarks", what, row)
        elif model_id := _model(line, makers, known, catalogue):
            _add(msgspec.structs.replace(row, model_id=model_id), catalogue)
    return catalogue


def _names(spelled: Iterable[str], known: Catalogue) -> dict[str, str]:
    """The name of each benchmark by its folded form."""
    names: dict[str, str] = {}
    for name, _ in Counter(spelled).most_common():
        names.setdefault(fold(name), name)
    names |= {folded: SPELLINGS[folded] for folded in names if folded in SPELLINGS}
    stored = {fold(name): name for _, name in known.benchmarks}
    return {folded: stored.get(fold(name), name) for folded, name in names.items()}


def _score(line: Mapping[str, str], names: Mapping[str, str]) -> ScoreRow | str:
    """The score of a line, its model left open, or what is wrong with it."""
    score = decimals.plain(line["score"])
    if score is None:
        return "a score that is not a number"
    return ScoreRow(
        model_id="",
        benchmark_name=names[fold(line["benchmark_name"])],
        score=score,
        unit="fraction" if 0 <= score <= 1 else UNSET,
        higher_is_better=line["method"] != "WER",
        self_reported=_FLAGS.get(line["is_self_reported"].lower(), UNSET),
        source_url=line["source_url"] or URL,
        measured_at=_day(line["measured_at"]),
    )


def _day(text: str) -> datetime.date | UnsetType:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return UNSET


def _model(
    line: Mapping[str, str], makers: Makers, known: Catalogue, catalogue: Catalogue
) -> str | None:
    """The id of a line's model: known at its maker, or added there."""
    provider, model = line["provider"], line["model_id"]
    maker = maker_named(provider)
    if is_moving(model):
        catalogue.reject(
            "benchmarks",
            f"{model} {line['benchmark_name']}",
            "a name that moves from version to version",
        )
        return None
    home = provider if maker is None or provider in maker.homes else maker.homes[0]
    row = ModelRow(
        provider_id=home,
        model_id=model,
        name=line["name"] or model,
        release_date=_day(line["release_date"]),
        source_url=line["source_url"] or URL,
    )
    if maker and (found := makers.canonical(row)) and found in known.models:
        return found
    if home not in known.providers and home not in catalogue.providers:
        catalogue.add(ProviderRow(id=home, name=home))
    if row.id in known.models or row.id in catalogue.models or catalogue.add(row):
        return row.id
    return None


def _add(row: ScoreRow, catalogue: Catalogue) -> None:
    before = catalogue.benchmarks.get((row.model_id, row.benchmark_name))
    if before is not None:
        kept, left = (row, before) if _rank(row) > _rank(before) else (before, row)
        what = f"{row.model_id} {row.benchmark_name}: {left.score}"
        catalogue.reject("benchmarks", what, "another score came first: there is one for each")
        row = kept
    catalogue.add(row)


def _rank(row: ScoreRow) -> tuple[bool, datetime.date]:
    day = row.measured_at if isinstance(row.measured_at, datetime.date) else datetime.date.min
    return row.self_reported is False, day
