"""`GET /v1/search`: what is found and in which order, the same on every engine."""

from __future__ import annotations

import pytest

from service.storage import search
from tests.catalog import CLAUDE2, OPUS, PRO, PRO_FREE, SONNET, SONNET_OR
from tests.expected import Json, World, contains, fold, page
from tests.http.conftest import Api

pytestmark = pytest.mark.anyio

QUERIES = (
    # Whole names and ids, beginnings, beginnings of words, insides.
    "o3", "gpt-5", "GPT-5", "claude sonnet 4.5", "gemini", "gem", "emini", "mini", "anthropic",
    "anthropic/claude", "claude-sonnet-4-5", "openai/gpt-5", "2.5 pro", "pro 2.5", "sonnet claude",
    "gemini-2.5-pro:free", "free", "preset", "@preset", "x", "2024.10", "8b@2024",
    # One and two characters, which are no trigram.
    "g", "5", "ai", "4.", "-", "o", "/", ".",
    # The same after words that are looked up.
    "claude 5", "mini o 3", "4 claude . 5",
    # Beyond ASCII, where folding is more than lower case.
    "智谱", "智", "glm", "ÄÖÜ", "äöü", "straße", "STRASSE", "ss", "ß", "istanbul", "İSTANBUL", "i̇",
    "ä",
    # What stands for something else in LIKE, in a full-text query and in SQL.
    "%", "_", "\\", "100%", "back_slash", "k_s", '"quoted"', '"', "'", "''", "luminous_pure",
    "*", "claude*", "claude OR gemini", "NOT claude", "NEAR(claude)", "=open", "{}", "^claude",
    "a AND b",
    "(free)", "sum(1", "-ministral", "+", ":", "%%", "\\%", "_____", ";--",
    # Several spaces, words twice, nothing at all.
    "  claude   4.5 ", "claude claude", "none such", "davinci", "lost", "gone",
)  # fmt: skip


def rank(q: str, row: Json) -> str:
    name, id = fold(row["name"]), row["id"].lower()
    if q in (name, id) or id.endswith(f"/{q}"):
        return "exact"
    both = f"{name}\n{id}"
    if name.startswith(q) or id.startswith(q) or f"/{q}" in both:
        return "prefix"
    return "word" if any(f"{mark}{q}" in both for mark in " -.:@(_/") else "substring"


def expected(world: World, q: str) -> list[Json]:
    """Matches in their order, each with what it is ranked by."""
    q = fold(q)
    found = []
    for kind, rows in (("provider", world.providers), ("model", world.models)):
        for row in rows:
            if not contains(q, row):
                continue
            model = kind == "model"
            match = {
                "kind": kind,
                "id": row["id"],
                "name": row["name"],
                "match": rank(q, row),
                "providerId": row["providerId"] if model else row["id"],
                "deprecated": model and row["deprecated"],
                "contextWindow": row["contextWindow"] if model else None,
                "pricing": world.price(row["id"]) if model else None,
            }
            name = fold(row["name"])
            order = (
                ("exact", "prefix", "word", "substring").index(str(match["match"])),
                model,
                model and row["canonical"] != row["id"],
                match["deprecated"],
                len(name),
                name,
                row["id"],
            )
            found.append((order, match))
    return [match for _, match in sorted(found, key=lambda pair: pair[0])]


@pytest.mark.parametrize("q", QUERIES)
async def test_what_is_found_and_in_which_order(api: Api, world: World, q: str) -> None:
    answer = await api.get("search", {"q": q, "pageSize": 500})
    assert answer["data"] == expected(world, q)
    assert answer["meta"]["total"] == len(answer["data"])


@pytest.mark.parametrize("q", QUERIES)
async def test_what_many_models_match(
    api: Api, world: World, q: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if what fills a page were too much to be ranked one by one."""
    monkeypatch.setattr(search, "_KNOWN", search._PAGE)
    rows = expected(world, q)
    for number in range(1, 5):
        answer = await api.get("search", {"q": q, "page": number, "pageSize": 3})
        assert answer["data"] == page(rows, number, 3)
        assert answer["meta"]["total"] == len(rows)


async def test_exact_before_prefix_before_word_before_substring(api: Api) -> None:
    assert await api.ids("search", {"q": "gemini-2.5-pro"}) == [PRO, PRO_FREE]
    assert await api.ids("search", {"q": "claude"}) == [OPUS, SONNET, SONNET_OR, CLAUDE2]
    matches = await api.data("search", q="mini")
    ranks = [match["match"] for match in matches]
    assert ranks == sorted(ranks, key=("exact", "prefix", "word", "substring").index)
    assert {"word", "substring"} <= set(ranks)


async def test_every_kind_of_match_is_tried(world: World) -> None:
    ranks = [match["match"] for q in QUERIES for match in expected(world, q)]
    assert min(map(ranks.count, ("exact", "prefix", "word", "substring"))) >= 10


async def test_pages(api: Api, world: World) -> None:
    rows = expected(world, "i")
    assert len(rows) > 20
    for number in range(1, 9):
        answer = await api.get("search", {"q": "i", "page": number, "pageSize": 4})
        assert answer["data"] == page(rows, number, 4)
        assert answer["meta"]["total"] == len(rows)
    assert len(await api.data("search", q="i")) == 20


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, "q is required"),
        ({"q": ""}, "q must have 1 to 200 characters"),
        ({"q": "   "}, "q must hold more than spaces"),
        ({"q": "a" * 201}, "q must have 1 to 200 characters"),
        ({"q": " ".join("abcdefghijklm")}, "q is 1 to 12 words"),
        ({"q": "a\0b"}, "control character"),
        ({"q": "a", "sort": "name"}, "sort"),
    ],
)
async def test_bad_parameters_are_named(api: Api, params: dict[str, str], words: str) -> None:
    assert words in (await api.refused("search", **params))["message"]
