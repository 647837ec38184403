"""Tables as CSV, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import Any, Final, TypeAlias

from service import __version__
from service.application.export import TABLES, Exported, export, header
from service.domain.queries import Query
from service.http.endpoint import Endpoint
from service.http.params import canonical
from service.http.reply import CACHE_CONTROL, Stream, csv_page

Pages: TypeAlias = AsyncIterator[list[tuple[Any, ...]]]


def _stream(found: Exported, endpoint: Endpoint, query: Query) -> Stream:
    table = endpoint.given["table"]
    state = found.snapshot
    # The same bytes from the same state for the same question on the same day by the same code.
    asked = repr((table, canonical(query), state, found.today.isoformat(), __version__))
    tag = f'"{state.revision}-{blake2b(asked.encode(), digest_size=9).hexdigest()}"'
    headers = (
        (b"content-type", b"text/csv; charset=utf-8; header=present"),
        (b"content-disposition", f'attachment; filename="{table}.csv"'.encode()),
        (b"cache-control", CACHE_CONTROL[endpoint.keep]),
        (b"vary", b"Accept-Encoding"),
        (b"etag", tag.encode()),
        (b"x-revision", str(state.revision).encode()),
    )
    return Stream(headers, _csv(header(table), found.pieces))


async def _csv(columns: tuple[str, ...], pages: Pages) -> AsyncIterator[bytes]:
    head = csv_page([columns])
    async for rows in pages:
        yield head + csv_page(rows)
        head = b""
    if head:  # no row at all
        yield head


def _table(table: str, asks: dict[str, str], example: str) -> Endpoint:
    return Endpoint(
        path=f"/v1/export/{table}.csv",
        operation=f"export{table.title()}",
        tag="export",
        summary=f"The table {table} as CSV",
        description=(
            "All rows that match the filters of the list, streamed, the names of the columns "
            "first. Text that a spreadsheet would take for a formula begins with an apostrophe. "
            "Ask again with `If-None-Match`; without a change the answer is a 304."
        ),
        use_case=export,
        given={"table": table},
        parameters=TABLES[table],
        render=_stream,
        media="text/csv",
        keep="live",
        asks=asks,
        example=example,
    )


PROVIDERS: Final = _table(
    "providers", {}, "id,name,website\r\nanthropic,Anthropic,https://www.anthropic.com\r\n"
)
MODELS: Final = _table(
    "models",
    {"provider": "anthropic"},
    "id,providerId,name\r\nanthropic/claude-sonnet-4-5,anthropic,Claude Sonnet 4.5\r\n",
)
PRICING: Final = _table(
    "pricing",
    {"model": "anthropic/claude-sonnet-4-5"},
    "id,modelId,inputPrice,outputPrice\r\n2718,anthropic/claude-sonnet-4-5,3,15\r\n",
)
BENCHMARKS: Final = _table(
    "benchmarks",
    {"name": "arena-overall"},
    "id,modelId,benchmarkName,score\r\n141,anthropic/claude-sonnet-4-5,arena-overall,1451\r\n",
)
