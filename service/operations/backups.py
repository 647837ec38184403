"""Backups: made, proved by making a database of them, listed, restored, given up when old."""

from __future__ import annotations

import datetime
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from service.application import doctor
from service.domain.values import timestamp
from service.errors import DatabaseUnusable, NotFound, ServiceError
from service.operations.archive import pack, unpack
from service.operations.manifest import Manifest, Unusable, digest_of, read_manifest
from service.operations.portable import Place, export, import_
from service.operations.store import Store
from service.storage import backups as stored
from service.storage.database import Engine, Value

_ARCHIVE: Final = ".tar.zst"
_RECORD: Final = ".json"
# Nothing else in the folder or bucket is ours: never listed, never given up.
_OWN: Final = re.compile(r"[0-9]{8}T[0-9]{9}Z(?:\.tar\.zst|\.json)")
# A file without a record is of a backup that broke off, unless it is being made.
_BROKEN_OFF: Final = datetime.timedelta(days=1)

Clock = Callable[[], datetime.datetime]


class Backup(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A backup that is whole, as the record beside it says. Its name is its moment."""

    name: str
    made_at: str
    engine: Engine
    schema: str
    revision: int
    rows: int
    # Bytes of the archive, and the digest of them.
    size: int
    sha256: str
    # When a database was made of it and found equal.
    verified_at: str


async def make(place: Place, store: Store, clock: Clock, *, pg_dump: str | None = None) -> Backup:
    """Back up a database as it is now, then make a database of what was kept and compare.

    With a program `pg_dump`, its dump of the same state of a Postgres comes along. Whatever comes
    of it is written down in the database. Raises what went wrong.
    """
    began = clock().astimezone(datetime.UTC)
    name = began.strftime("%Y%m%dT%H%M%S") + f"{began.microsecond // 1000:03d}Z"
    async with place.open() as database:
        await stored.begin(database, name, timestamp(began))
    backup: Backup | None = None
    error = "broken off"
    try:
        with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
            folder, archive = Path(scratch) / "out", Path(scratch) / (name + _ARCHIVE)
            manifest = await export(place, folder, pg_dump=pg_dump)
            pack(folder, archive)
            backup = _describe(name, manifest, archive)
            await store.put(archive, archive.name)
        backup = await _proved(store, backup, clock)
        with tempfile.NamedTemporaryFile() as record:
            record.write(msgspec.json.format(msgspec.json.encode(backup), indent=2) + b"\n")
            record.flush()
            await store.put(Path(record.name), name + _RECORD)
        error = ""
    except ServiceError as failed:
        error = failed.message
        raise
    finally:
        found: dict[str, Value] = dict.fromkeys(("size", "sha256", "revision", "verified_at"))
        if backup is not None and not error:
            found = {column: getattr(backup, column) for column in found}
        async with place.open() as database:
            await stored.end(database, name, timestamp(clock()), error or None, **found)
    return backup


def _describe(name: str, manifest: Manifest, archive: Path) -> Backup:
    return Backup(
        name=name,
        made_at=manifest.made_at,
        engine=manifest.engine,
        schema=max(manifest.schema),
        revision=manifest.revision,
        rows=sum(manifest.rows.values()),
        size=archive.stat().st_size,
        sha256=digest_of(archive),
        verified_at="",
    )


async def verify(store: Store, backup: Backup, clock: Clock) -> Backup:
    """Make a database of a backup and compare counts, revision and the digest of every table."""
    return await _proved(store, backup, clock)


async def _proved(store: Store, backup: Backup, clock: Clock) -> Backup:
    with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
        folder = Path(scratch) / "in"
        await fetch(store, backup, folder)
        place = Place((Path(scratch) / "restored.db").as_uri())
        await import_(folder, place)
        async with place.open() as database:
            checks = await doctor.examine(database, today=clock().date())
        # What is derived is not copied but made there.
        derived = [c for c in checks if c.name in ("listing", "search index")]
        if wrong := [f"{c.name} ({c.found})" for c in derived if not c.good]:
            raise Unusable(f"the backup {backup.name} restores to a wrong {', '.join(wrong)}")
    return msgspec.structs.replace(backup, verified_at=timestamp(clock()))


async def fetch(store: Store, backup: Backup, folder: Path) -> None:
    """Write a backup into a folder as an export; raises `Unusable` where it is not what it was."""
    with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
        archive = Path(scratch) / (backup.name + _ARCHIVE)
        await store.get(archive.name, archive)
        size = archive.stat().st_size
        if size != backup.size:
            raise Unusable(f"the backup {backup.name} has {size:,} bytes, not {backup.size:,}")
        if digest_of(archive) != backup.sha256:
            raise Unusable(f"the backup {backup.name} was altered: its digest is another")
        unpack(archive, folder)
    manifest = read_manifest(folder)
    if (manifest.revision, manifest.made_at) != (backup.revision, backup.made_at):
        raise Unusable(f"the backup {backup.name} holds another one")


class Listed(msgspec.Struct, frozen=True):
    """What a store has: whole backups, the oldest first, and files that are of none."""

    backups: list[Backup]
    broken: list[str]


async def list_backups(store: Store) -> Listed:
    """All backups, by their records. One whose record cannot be read is among the broken."""
    kept = {file.name: file.size for file in await store.list()}
    files = {name: size for name, size in kept.items() if _OWN.fullmatch(name)}
    backups, broken = [], []
    for file in sorted(files):
        name = file.partition(".")[0]
        if file.endswith(_ARCHIVE) and name + _RECORD not in files:
            broken.append(file)
        elif file.endswith(_RECORD):
            with tempfile.NamedTemporaryFile() as copy:
                await store.get(file, Path(copy.name))
                try:
                    backup = msgspec.json.decode(Path(copy.name).read_bytes(), type=Backup)
                    _moment(backup)
                except (msgspec.MsgspecError, ValueError):
                    backup = None
            if backup is None or files.get(name + _ARCHIVE) != backup.size or backup.name != name:
                broken.append(file)
            else:
                backups.append(backup)
    return Listed(backups, broken)


async def find(store: Store, name: str | None, at: datetime.datetime | None) -> Backup:
    """The backup of a name, or the newest one up to a moment; raises `NotFound`."""
    listed = await list_backups(store)
    if name is not None:
        for backup in listed.backups:
            if backup.name == name:
                return backup
        if any(file.startswith(name) for file in listed.broken):
            raise Unusable(f"the backup {name} is cut short: choose another one")
        raise NotFound(f"{store.where} has no backup {name}: see `aicompare backup list`")
    found = [b for b in listed.backups if at is None or _moment(b) <= at]
    if not found:
        raise NotFound(
            f"{store.where} has no backup{' that old' if at and listed.backups else ''}: see "
            "`aicompare backup list`"
        )
    return found[-1]


def _moment(backup: Backup) -> datetime.datetime:
    return datetime.datetime.fromisoformat(backup.made_at).astimezone(datetime.UTC)


async def restore(
    store: Store, backup: Backup, place: Place, clock: Clock, *, force: bool
) -> tuple[Manifest, Backup | None]:
    """Fill a database with a backup: all of it or nothing; what it has, and what was kept aside.

    One that is not empty is refused unless `force` says otherwise, and then backed up first.
    """
    with tempfile.TemporaryDirectory(prefix="aicompare-") as scratch:
        folder = Path(scratch) / "in"
        await fetch(store, backup, folder)
        return await put_back(store, folder, place, clock, force=force)


async def put_back(
    store: Store, folder: Path, place: Place, clock: Clock, *, force: bool
) -> tuple[Manifest, Backup | None]:
    """The same from an export."""
    aside: list[Backup] = []

    async def keep() -> str:
        aside.append(await make(place, store, clock))
        return aside[0].name

    manifest = await import_(folder, place, force=force, keep=keep)
    return manifest, aside[0] if aside else None


async def prune(store: Store, days: float, clock: Clock) -> list[str]:
    """Give up what is older than so many days, but for the newest; the names of the files."""
    listed = await list_backups(store)
    now = clock()
    old = [b for b in listed.backups[:-1] if _moment(b) < now - datetime.timedelta(days=days)]
    # The record first: an archive alone counts as none.
    files = [b.name + suffix for b in old for suffix in (_RECORD, _ARCHIVE)]
    before = (now - _BROKEN_OFF).strftime("%Y%m%dT%H%M%S")
    files += [file for file in listed.broken if file < before]
    for file in files:
        await store.delete(file)
    return files


def parse_moment(text: str) -> datetime.datetime:
    """A moment as people write it; UTC where they do not say. Raises `DatabaseUnusable`."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise DatabaseUnusable(f"{text!r} is no moment: write 2026-11-24T12:30:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
