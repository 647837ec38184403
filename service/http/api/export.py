"""Tables as CSV, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from service.application.export import export
from service.domain.queries import ModelFilter, NoQuery, PriceFilter, Query, ScoreFilter
from service.http.endpoint import Endpoint
from service.http.reply import CACHE_CONTROL, Stream, csv_page

MEDIA: Final = "text/csv; charset=utf-8; header=present"


def _stream(pages: AsyncIterator[list[tuple[Any, ...]]], endpoint: Endpoint, _: Query) -> Stream:
    name = endpoint.path.rpartition("/")[2]
    headers = (
        (b"content-type", MEDIA.encode()),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
        (b"cache-control", CACHE_CONTROL[endpoint.keep]),
        (b"vary", b"Accept-Encoding"),
    )
    return Stream(headers, (csv_page(rows) async for rows in pages))


def _table(table: str, parameters: type[Query], example: str, asks: dict[str, str]) -> Endpoint:
    return Endpoint(
        path=f"/v1/export/{table}.csv",
        operation=f"export{table.title()}",
        tag="export",
        summary=f"The table {table} as CSV",
        description=(
            "All rows that match the filters of the list, streamed, the names of the columns "
            "first. Text that a spreadsheet would take for a formula begins with an apostrophe."
        ),
        use_case=export,
        given={"table": table},
        parameters=parameters,
        render=_stream,
        media="text/csv",
        keep="live",
        asks=asks,
        example=example,
    )


PROVIDERS: Final = _table(
    "providers",
    NoQuery,
    "id,name,website\r\nanthropic,Anthropic,https://www.anthropic.com\r\n",
    {},
)
MODELS: Final = _table(
    "models",
    ModelFilter,
    "id,provider_id,name\r\nanthropic/claude-sonnet-4-5,anthropic,Claude Sonnet 4.5\r\n",
    {"provider": "anthropic"},
)
PRICING: Final = _table(
    "pricing",
    PriceFilter,
    "id,model_id,effective_date,input_price\r\n2718,anthropic/claude-sonnet-4-5,2025-09-29,3\r\n",
    {"model": "anthropic/claude-sonnet-4-5"},
)
BENCHMARKS: Final = _table(
    "benchmarks",
    ScoreFilter,
    "id,model_id,benchmark_name,score\r\n141,anthropic/claude-sonnet-4-5,arena-overall,1451\r\n",
    {"name": "arena-overall"},
)
