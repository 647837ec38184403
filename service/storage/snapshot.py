"""The state of the catalogue that an answer was read from."""

from __future__ import annotations

from typing import Final, NamedTuple, cast

from service.storage.database import Row, Statement


class Snapshot(NamedTuple):
    """Newest change (revision 0 before the first), and the day of the listing's prices."""

    revision: int
    changed_at: str | None
    price_day: str


SNAPSHOT: Final = Statement(
    "snapshot",
    """
    SELECT coalesce(c.revision, 0), c.changed_at, s.price_day
    FROM catalog_state AS s
    LEFT JOIN changes AS c ON c.revision = (SELECT max(revision) FROM changes)
    """,
)


def read_snapshot(rows: list[Row]) -> Snapshot:
    """From the rows of `SNAPSHOT`, which every read appends to its round trip."""
    return Snapshot(*cast("tuple[int, str | None, str]", rows[0]))
