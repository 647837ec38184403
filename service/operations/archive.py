"""An export as one file: a tar, compressed by zstd."""

from __future__ import annotations

import shutil
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
            for member in tar:
                _extract(tar, member, folder)
    except (tarfile.TarError, zstandard.ZstdError, EOFError):
        raise Unusable(f"the backup {archive.name} is cut short or altered") from None


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """As `TarFile.extract` with filter "data", which Python 3.11.2 (Debian 12) does not have."""
    content = tar.extractfile(member) if member.isreg() else None
    if content is None or Path(member.name).name != member.name:
        raise tarfile.ExtractError(f"{member.name!r} is no file of an export")
    with content, (folder / member.name).open("xb") as file:
        shutil.copyfileobj(content, file)
