"""Is the database in order? And making what is derived in it anew."""

from __future__ import annotations

import datetime
from typing import NamedTuple

from service.storage import doctor as stored
from service.storage.database import Database


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    good: bool
    # What was found, in words; for what is wrong with what to do.
    found: str


_REBUILD = "run `aicompare doctor --rebuild`"


async def examine(db: Database, *, today: datetime.date) -> list[Check]:
    """Compare what is derived with its source. Needs a connection that may write."""
    found = await stored.look(db)
    listing, log = found.listing, found.log
    return [
        Check(
            "listing",
            not any(listing[1:]),
            f"{listing.rows} models, as its source says"
            if not any(listing[1:])
            else f"{listing.missing} models missing, {listing.wrong} rows wrong, "
            f"{listing.miscounted} counts wrong, {listing.mispriced} periods of prices wrong: "
            f"{_REBUILD}",
        ),
        _search(await stored.search_index_is_whole(db)),
        _references(found.orphans),
        Check(
            "price day",
            found.price_day == today.isoformat(),
            f"prices are those of {found.price_day}"
            + (
                ""
                if found.price_day == today.isoformat()
                else f", and today is {today}: the next write moves it on, or {_REBUILD}"
            ),
        ),
        _log(log),
    ]


def _search(whole: bool | None) -> Check:
    if whole is None:
        return Check("search index", True, "kept by the engine itself")
    found = "agrees with the listing" if whole else f"disagrees with the listing: {_REBUILD}"
    return Check("search index", whole, found)


def _references(orphans: dict[str, int]) -> Check:
    broken = [f"{count} rows by {column}" for column, count in orphans.items() if count]
    found = "every row has what it refers to"
    if broken:
        found = f"rows without what they refer to: {', '.join(broken)}: restore a backup"
    return Check("foreign keys", not broken, found)


def _log(log: stored.Log) -> Check:
    wrong = []
    if log.gaps:
        wrong.append(f"{log.gaps} revisions missing")
    if log.unlogged:
        wrong.append(f"{log.unlogged} rows changed after its newest entry")
    if wrong:
        return Check("change log", False, f"{', '.join(wrong)}: restore a backup")
    return Check("change log", True, f"complete up to revision {log.revision}")


async def rebuild(db: Database, *, now: datetime.datetime) -> int:
    """Make listing and search index anew; how many models are listed."""
    return await stored.rebuild(db, now)
