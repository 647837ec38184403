"""Query strings are read strictly: each refusal names the parameter and says what is right."""

from __future__ import annotations

import datetime
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.queries import (
    ChangeQuery,
    CompareQuery,
    ModelDetailQuery,
    ModelQuery,
    NoQuery,
    PriceQuery,
    ProviderQuery,
    Query,
    ScoreQuery,
    SearchQuery,
)
from service.errors import InvalidRequest
from service.http.params import check_id, parameters_of, parse

QUERIES = (
    ChangeQuery, CompareQuery, ModelDetailQuery, ModelQuery, NoQuery, PriceQuery, ProviderQuery,
    ScoreQuery, SearchQuery,
)  # fmt: skip


def test_nothing_asked_is_the_default() -> None:
    assert parse(ModelQuery, b"") == ModelQuery()
    assert parse(ModelQuery, b"&") == ModelQuery()


def test_every_type_of_parameter() -> None:
    query = parse(
        ModelQuery,
        b"q=claude+4%2E5&provider=anthropic,google&supports=vision%2Ctools&minContext=100000"
        b"&maxInputPrice=2.50&releasedAfter=2025-01-31&openWeights=false&deprecated=any"
        b"&sort=-releaseDate,name&page=2&pageSize=500&fields=id,pricing",
    )
    assert query == ModelQuery(
        q="claude 4.5",
        provider=("anthropic", "google"),
        supports=("vision", "tools"),
        min_context=100_000,
        max_input_price=Decimal("2.5"),
        released_after=datetime.date(2025, 1, 31),
        open_weights=False,
        deprecated="any",
        sort=("-releaseDate", "name"),
        page=2,
        page_size=500,
        fields=("id", "pricing"),
    )


def test_one_question_spelled_in_two_ways_is_one_key() -> None:
    one = parse(ModelQuery, b"page=1&maxInputPrice=2.50&provider=a%2Cb")
    other = parse(ModelQuery, b"provider=a,b&maxInputPrice=2.5")
    assert one == other
    assert hash(one) == hash(other)


def test_a_small_number_as_javascript_writes_it() -> None:
    assert parse(ModelQuery, b"maxInputPrice=1e-7").max_input_price == Decimal("0.0000001")


def test_a_moment_is_read_in_any_zone_and_kept_in_utc() -> None:
    query = parse(PriceQuery, b"model=a/b&knownAt=2026-01-31T12:00:00%2B02:00")
    assert query.known_at == datetime.datetime(2026, 1, 31, 10, tzinfo=datetime.UTC)


def test_lists_keep_order_and_duplicates() -> None:
    assert parse(CompareQuery, b"ids=b/b,a/a,b/b").ids == ("b/b", "a/a", "b/b")


@pytest.mark.parametrize(
    ("kind", "asked", "words"),
    [
        (ModelQuery, b"pagesize=10", "unknown parameter 'pagesize': did you mean pageSize"),
        (ModelQuery, b"zzz=1", "unknown parameter 'zzz': known are asOf, benchmark"),
        (NoQuery, b"x=1", "unknown parameter 'x': there are none here"),
        (ModelQuery, b"=1", "unknown parameter ''"),
        (ModelQuery, b"page=abc", "page must be a whole number from 1 to 1000000, not 'abc'"),
        (ModelQuery, b"page=0", "page must be a whole number from 1 to 1000000, not '0'"),
        (ModelQuery, b"page=1.0", "page must be a whole number"),
        (ModelQuery, b"page=%D9%A3", "page must be a whole number"),
        (ModelQuery, b"page=9999999999999999999999", "page must be a whole number"),
        (ModelQuery, b"page=", "page must be a whole number from 1 to 1000000, and not empty"),
        (ModelQuery, b"page", "page must be a whole number"),
        (ModelQuery, b"pageSize=501", "pageSize must be a whole number from 1 to 500, not '501'"),
        (ModelQuery, b"page=1&page=2", "page is given more than once"),
        (ModelQuery, b"ids=a&ids=b", "ids is given more than once: separate several values by"),
        (ModelQuery, b"sort=nam", "did you mean name?"),
        (ModelQuery, b"sort=price", "sort must be one of -contextWindow, -inputPrice"),
        (ModelQuery, b"sort=name,-name", "sort names name more than once"),
        (ModelQuery, b"sort=score", "sort=score needs benchmark"),
        (ModelQuery, b"minScore=1", "minScore needs benchmark"),
        (ModelQuery, b"supports=telepathy", "supports must be one of functionCalling"),
        (ModelQuery, b"provider=a,,b", "provider must be values separated by single commas"),
        (ModelQuery, b"provider=a,", "provider must be values separated by single commas"),
        (ModelQuery, b"openWeights=null", "openWeights must be one of false, true, not 'null'"),
        (ModelQuery, b"openWeights=1", "openWeights must be one of false, true, not '1'"),
        (ModelQuery, b"openWeights=TRUE", "openWeights must be one of false, true, not 'TRUE'"),
        (ModelQuery, b"maxInputPrice=null", "maxInputPrice must be a decimal number like 2.5"),
        (ModelQuery, b"maxInputPrice=1e999999999", "maxInputPrice must be a decimal number"),
        (ModelQuery, b"maxInputPrice=1e5", "maxInputPrice must be a decimal number"),
        (ModelQuery, b"maxInputPrice=1e-10", "with up to 9 digits on a side"),
        (ModelQuery, b"maxInputPrice=NaN", "maxInputPrice must be a decimal number"),
        (ModelQuery, b"maxInputPrice=Infinity", "maxInputPrice must be a decimal number"),
        (ModelQuery, b"maxInputPrice=0.0000000001", "with up to 9 digits on a side"),
        (ModelQuery, b"maxInputPrice=-1", "maxInputPrice must be 0 or more, not '-1'"),
        (ModelQuery, b"releasedAfter=2025-02-30", "releasedAfter must be a day of the calendar"),
        (ModelQuery, b"releasedAfter=20250201", "releasedAfter must be a day of the calendar"),
        (ModelQuery, b"releasedAfter=2025-W01-1", "releasedAfter must be a day of the calendar"),
        (
            ModelQuery,
            b"releasedAfter=2025-02-02&releasedBefore=2025-02-01",
            "releasedAfter (2025-02-02) must not be later than releasedBefore (2025-02-01)",
        ),
        (ModelQuery, b"fields=id,nam", "fields: unknown member 'nam': did you mean name?"),
        (ModelQuery, b"fields=history", "fields names history, which needs include=history"),
        (ModelDetailQuery, b"fields=release_date", "did you mean releaseDate?"),
        (ModelQuery, b"q=", "q must have 1 to 200 characters, not 0"),
        (ModelQuery, b"q=+%20", "q must hold more than spaces"),
        (ModelQuery, b"q=" + b"a" * 201, "q must have 1 to 200 characters, not 201"),
        (ModelQuery, b"q=" + b"a" * 100_000, "has 100002 bytes: 8192 at most are read"),
        (ModelQuery, b"q=a%00", "'q' holds a control character"),
        (ModelQuery, b"q=%", "'q' has a % without two hexadecimal digits"),
        (ModelQuery, b"q=%zz", "'q' has a % without two hexadecimal digits"),
        (ModelQuery, b"q=%ff", "'q' is not UTF-8"),
        (ModelQuery, b"q=\xff", "'q' is not UTF-8"),
        (ModelQuery, b"q=%ED%A0%80", "'q' is not UTF-8"),
        (ModelQuery, b"%ff=1", "a parameter's name is not UTF-8"),
        (PriceQuery, b"model=a/b&from=2026-02-01&to=2026-01-01", "from (2026-02-01) must not be"),
        (PriceQuery, b"model=a/b&asOf=2026-02-01&to=2026-03-01", "asOf is one day and from, to"),
        (PriceQuery, b"model=a/b&knownAt=2026-01-31T12:00:00", "knownAt must be a moment with"),
        (PriceQuery, b"model=a/b&knownAt=2026-01-31", "knownAt must be a moment with its zone"),
        (PriceQuery, b"model=a/b&serviceTier=gold", "serviceTier must be one of batch, flex"),
        (CompareQuery, b"", "ids is required"),
        (CompareQuery, b"ids=" + b",".join([b"a/b"] * 21), "ids has 21 values: 20 at most"),
        (CompareQuery, b"ids=a/b&inputTokens=5&cachedInputTokens=6", "cachedInputTokens is a part"),
        (SearchQuery, b"", "q is required"),
        (ChangeQuery, b"limit=1001", "limit must be a whole number from 1 to 1000, not '1001'"),
        (ChangeQuery, b"since=-1", "since must be a whole number of 0 or more, not '-1'"),
    ],
)
def test_bad_input_is_refused_with_its_name(kind: type[Query], asked: bytes, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(kind, asked)
    assert words in caught.value.message


def test_a_message_repeats_little_of_what_was_sent() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(ModelQuery, b"x" * 8000 + b"=1")
    assert len(caught.value.message) < 500


def test_ids_in_paths() -> None:
    check_id("openrouter/google/gemini-2.5-pro:free")
    for bad in ("a\0b", "a\nb", "a" * 301):
        with pytest.raises(InvalidRequest):
            check_id(bad)


@pytest.mark.parametrize("kind", QUERIES)
def test_each_field_can_be_read(kind: type[Query]) -> None:
    assert {one.field for one in parameters_of(kind).values()} == set(kind.__struct_fields__)


@given(st.sampled_from(QUERIES), st.binary(max_size=200))
def test_any_bytes_are_a_query_or_an_invalid_request(kind: type[Query], asked: bytes) -> None:
    with suppress(InvalidRequest):
        assert isinstance(parse(kind, asked), kind)


@given(st.data())
def test_any_value_is_a_query_or_an_invalid_request(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(QUERIES))
    names = st.sampled_from(sorted(parameters_of(kind)) or ["none"])
    text = st.text(st.characters(codec="ascii", exclude_characters="&"), max_size=40)
    asked = "&".join(
        f"{name}={value}" for name, value in data.draw(st.lists(st.tuples(names, text), max_size=4))
    )
    with suppress(InvalidRequest):
        assert isinstance(parse(kind, asked.encode()), kind)
