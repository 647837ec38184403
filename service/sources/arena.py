"""LMArena: ratings of models by people's votes, per category, as published on one day.

The table `arena_2026_10_20.csv` beside this file holds the figures; its first lines name source and
date. A rating is on an Elo scale, higher is better, with a confidence interval.

One model may be rated in several settings (`(High)`, `(Thinking 32K)`) and in several versions
(`(0528)`, `(2024-08-06)`). A version is a model of its own where there are several, or where the
name alone moves from version to version. Of several settings the best rating in a category is the
model's, and the others are reported: there is one score per model and benchmark.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections import Counter
from decimal import Decimal
from importlib import resources
from typing import Final, NamedTuple

from service.domain.benchmarks import ScoreRow
from service.domain.models import ModelRow
from service.domain.providers import ProviderRow
from service.sources.catalog import Catalogue
from service.sources.identity import Makers, is_moving, maker_named

URL: Final = "https://lmarena.ai/leaderboard"
TABLE: Final = "arena_2026_10_20.csv"
DATE: Final = datetime.date(2026, 10, 20)

# Makers by the names that the table gives them, where ours differ, and makers without an offer yet.
PROVIDERS: Final = {"zhipu": "zai", "moonshot": "moonshotai", "nous": "nousresearch"}
NAMES: Final = {
    "01-ai": "01.AI",
    "ai21": "AI21 Labs",
    "allenai": "Ai2",
    "amazon": "Amazon",
    "arcee": "Arcee",
    "baidu": "Baidu",
    "huggingfaceh4": "Hugging Face H4",
    "ibm": "IBM",
    "internlm": "InternLM",
    "meta": "Meta",
    "microsoft": "Microsoft",
    "nousresearch": "Nous Research",
    "reflection": "Reflection AI",
    "reka": "Reka",
    "teknium": "Teknium",
    "tencent": "Tencent",
    "thinkingmachines": "Thinking Machines",
}
# Names that the rules would place wrongly: models that the table lists under another company, and
# those whose maker writes the version elsewhere in the id.
EXCEPTIONS: Final = {
    "Inkling": ("thinkingmachines", "inkling"),
    "Inkling-Small": ("thinkingmachines", "inkling-small"),
    "InternLM2.5 20B Chat": ("internlm", "internlm2.5-20b-chat"),
    "Olmo 3 32B Think": ("allenai", "olmo-3-32b-think"),
    "OpenHermes 2.5 Mistral 7B": ("teknium", "openhermes-2.5-mistral-7b"),
    "Trinity Large Thinking": ("arcee", "trinity-large-thinking"),
    "Zephyr 7B Beta": ("huggingfaceh4", "zephyr-7b-beta"),
    "Reka Core (20240904)": ("reka", "reka-core-20240904"),
    "Reka Flash (20240904)": ("reka", "reka-flash-20240904"),
    "Llama 3.1 Nemotron 70B Instruct": ("nvidia", "llama-3.1-nemotron-70b-instruct"),
    "Llama 3.1 Nemotron Ultra 253B v1": ("nvidia", "llama-3.1-nemotron-ultra-253b-v1"),
    "Llama 3.3 Nemotron Super 49B v1": ("nvidia", "llama-3.3-nemotron-super-49b-v1"),
    "Llama 3.3 Nemotron Super 49B v1.5": ("nvidia", "llama-3.3-nemotron-super-49b-v1.5"),
    "Qwen3-235B-A22B-Thinking (2507)": ("alibaba", "qwen3-235b-a22b-thinking-2507"),
    "Kimi K2 Preview (0711)": ("moonshotai", "kimi-k2-0711-preview"),
    "Kimi K2 Preview (0905)": ("moonshotai", "kimi-k2-0905-preview"),
    "Mistral Medium": ("mistral", "mistral-medium-2312"),
    "Mistral Medium 3 (2505)": ("mistral", "mistral-medium-2505"),
    "Mistral Medium 3.1 (2508)": ("mistral", "mistral-medium-2508"),
    "Mistral Medium 3.5": ("mistral", "mistral-medium-2604"),
    "Mistral Large 3": ("mistral", "mistral-large-2512"),
    "DeepSeek-V2.5 (1210)": ("deepseek", "deepseek-v2.5-1210"),
    "DeepSeek-V3 (0324)": ("deepseek", "deepseek-v3-0324"),
    "DeepSeek-V4-Pro (High, 20260813)": ("deepseek", "deepseek-v4-pro-0813"),
    "Gemini 2.0 Flash-Lite Preview (02-05)": ("google", "gemini-2.0-flash-lite-preview-02-05"),
    "Gemini 2.5 Flash Preview (09-2025)": ("google", "gemini-2.5-flash-preview-09-2025"),
    # These were never offered but as previews.
    "Gemini 3 Flash": ("google", "gemini-3-flash-preview"),
    "Gemini 3 Pro": ("google", "gemini-3-pro-preview"),
    "GPT-5 Chat": ("openai", "gpt-5-chat-latest"),
    "GPT-5.2 Chat (20260210)": ("openai", "gpt-5.2-chat-latest"),
    "GPT-5.3 Chat": ("openai", "gpt-5.3-chat-latest"),
    # The first Gemini Pro, which kept the name.
    "Gemini Pro": ("google", "gemini-pro"),
    "Gemini Pro (Dev API)": ("google", "gemini-pro"),
}

_SETTING: Final = re.compile(r" *\((.*)\)$")
_VERSION: Final = re.compile(
    r"^(20\d{6}|20\d\d-\d\d-\d\d|\d{4}|\d{3}|\d\d-20\d\d|\d\d-\d\d|June 2024)$"
)


class _Line(NamedTuple):
    """One line of the table, its name taken apart."""

    maker: str
    model: str
    name: str
    version: str | None
    ratings: dict[str, str]


def read(known: Catalogue) -> Catalogue:
    """The ratings, each by the id of a known model, or of one that its maker is given here."""
    text = resources.files("service.sources").joinpath(TABLE).read_text(encoding="utf-8")
    lines = [_line(row) for row in csv.DictReader(_without_comments(text))]
    named = {(line.maker, line.model, line.version) for line in lines}
    versions = Counter((maker, model) for maker, model, _ in named)
    makers = Makers(known.models.values())
    catalogue = Catalogue(name="arena", as_of=DATE)
    for line in lines:
        model_id = _model(line, versions[line.maker, line.model] > 1, makers, known, catalogue)
        for category, cell in line.ratings.items():
            _add(model_id, f"arena-{category}", line, cell, catalogue)
    return catalogue


def _without_comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def _line(row: dict[str, str]) -> _Line:
    maker, model, name = row.pop("maker"), row.pop("model"), row.pop("name")
    setting = _SETTING.search(name)
    parts = setting[1].split(", ") if setting else []
    version = next((part for part in parts if _VERSION.match(part)), None)
    if "preview" in name.lower() and "preview" not in model:
        model += "-preview"
    if name in EXCEPTIONS:
        maker, model = EXCEPTIONS[name]
        version = None
    return _Line(PROVIDERS.get(maker, maker), model, name, version, row)


def _model(
    line: _Line, several: bool, makers: Makers, known: Catalogue, catalogue: Catalogue
) -> str:
    dated = f"{line.model}-{line.version}".lower().replace(" ", "-") if line.version else line.model
    names = [dated]
    if not several and not is_moving(line.model):
        names.append(line.model)
    maker = maker_named(line.maker)
    for name in names:
        if found := maker and makers.find(maker, name):
            return found
    provider_id = maker.homes[-1] if maker and line.maker not in maker.homes else line.maker
    if provider_id not in known.providers:
        catalogue.add(ProviderRow(id=provider_id, name=NAMES.get(provider_id, provider_id)))
    row = ModelRow(
        provider_id=provider_id,
        model_id=names[-1],
        name=line.name if several and line.version else _SETTING.sub("", line.name),
        mode="chat",
        source_url=URL,
    )
    if row.id not in known.models and row.id not in catalogue.models:
        catalogue.add(row)
    return row.id


def _add(model_id: str, benchmark: str, line: _Line, cell: str, catalogue: Catalogue) -> None:
    if not cell:
        return
    score, low, high = (Decimal(figure) for figure in cell.split(" "))
    before = catalogue.benchmarks.get((model_id, benchmark))
    if before is None or score > before.score:
        catalogue.add(
            ScoreRow(
                model_id=model_id,
                benchmark_name=benchmark,
                score=score,
                score_low=low,
                score_high=high,
                unit="elo",
                higher_is_better=True,
                self_reported=False,
                source_url=URL,
                measured_at=DATE,
            )
        )
    if before is not None:
        catalogue.reject(
            "benchmarks",
            f"{model_id} {benchmark}: {min(score, before.score)}",
            "another setting of the model did better, and there is one score for each",
        )
