"""What an export says of itself, so that one that was altered or cut short is found out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from service.errors import DatabaseUnusable
from service.storage.database import Engine

NAME: Final = "manifest.json"
FORMAT: Final = 1


class Unusable(DatabaseUnusable):
    """An export or a backup that is not what it was when it was made."""


class TableFile(msgspec.Struct, frozen=True, rename="camel"):
    """A table: its rows in the order of its key, one JSON object a line, and the digest of them."""

    name: str
    rows: int
    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """All of an export. Equal tables have equal digests, whatever the engine."""

    format: int = FORMAT
    made_at: str
    engine: Engine
    # The migrations that the schema had.
    schema: tuple[str, ...]
    revision: int
    tables: tuple[TableFile, ...]
    # Tables that hold secrets.
    secrets: tuple[str, ...]
    # Of this document without this member.
    sha256: str = ""

    def signed(self) -> Manifest:
        """The same with the digest of itself."""
        bare = msgspec.structs.replace(self, sha256="")
        digest = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
        return msgspec.structs.replace(self, sha256=digest)

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        return {table.name: table.rows for table in self.tables}

    def write(self, folder: Path) -> None:
        """Put it beside the tables."""
        text = msgspec.json.format(msgspec.json.encode(self.signed()), indent=2)
        (folder / NAME).write_bytes(text + b"\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an export; raises `Unusable` where it is missing, altered or too new."""
    try:
        content = (folder / NAME).read_bytes()
    except OSError:
        raise Unusable(f"{folder} is no export: it has no {NAME}") from None
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unusable(f"{folder / NAME} is no manifest: {error}") from None
    if manifest.format != FORMAT:
        raise Unusable(f"{folder} has format {manifest.format}: a newer version can read it")
    if manifest.signed() != manifest:
        raise Unusable(f"{folder / NAME} was altered: its digest is another")
    return manifest


def path_of(folder: Path, table: str) -> Path:
    """Where the rows of a table are."""
    return folder / f"{table}.ndjson"


def check_files(folder: Path, manifest: Manifest) -> None:
    """Read every table once; raises `Unusable` with the name of one that is not as it was."""
    for table in manifest.tables:
        path = path_of(folder, table.name)
        if not path.is_file():
            raise Unusable(f"{path} is missing")
        if (size := path.stat().st_size) != table.bytes:
            raise Unusable(f"{path} has {size:,} bytes, not {table.bytes:,}: it was cut or altered")
        if digest_of(path) != table.sha256:
            raise Unusable(f"{path} was altered: its digest is another")


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    for piece in pieces_of(path):
        digest.update(piece)
    return digest.hexdigest()


def pieces_of(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces."""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            yield piece
