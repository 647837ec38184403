"""An export as one file: a tar, compressed by zstd."""

from __future__ import annotations

import tarfile
from pathlib import Path

import zstandard

from service.operations.manifest import Unusable


def pack(folder: Path, archive: Path) -> None:
    """Write the files of a folder into an archive."""
    with (
        archive.open("wb") as file,
        zstandard.ZstdCompressor(level=6, write_checksum=True).stream_writer(file) as stream,
        tarfile.open(mode="w|", fileobj=stream) as tar,
    ):
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)


def unpack(archive: Path, folder: Path) -> None:
    """Write the files of an archive into a folder; raises `Unusable` for one that is not whole."""
    folder.mkdir(parents=True, mode=0o700)
    try:
        with (
            archive.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as stream,
            tarfile.open(mode="r|", fileobj=stream) as tar,
        ):
            tar.extractall(folder, filter="data")
    except (tarfile.TarError, zstandard.ZstdError, EOFError):
        raise Unusable(f"the backup {archive.name} is cut short or altered") from None
