"""Where backups are kept: a folder, or a bucket that speaks S3."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from service.errors import DatabaseUnusable, NotFound, Unavailable
from service.settings import Settings

# Seconds until S3 is given up, for a connection and for an answer.
_CONNECT: Final = "10s"
_ANSWER: Final = "60s"


class Kept(NamedTuple):
    """A file by name, and its bytes."""

    name: str
    size: int


class Store(Protocol):
    """Files by name; `Unavailable` where it is away, `DatabaseUnusable` where it is wrong."""

    # As people know it.
    where: str

    async def put(self, path: Path, name: str) -> None:
        """Keep a file: all of it, or nothing."""
        ...

    async def get(self, name: str, path: Path) -> None:
        """Write what is kept into a file; raises `NotFound`."""
        ...

    async def list(self) -> list[Kept]:
        """All that is kept, by name."""
        ...

    async def delete(self, name: str) -> None:
        """Keep it no longer."""
        ...


class Folder:
    """Files in a folder, closed to others."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folder = folder

    async def put(self, path: Path, name: str) -> None:
        partial = self._folder / f".{name}.partial"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial.unlink(missing_ok=True)
            # Closed to others where the folder, which may have been there, is not.
            partial.touch(mode=0o600)
            shutil.copyfile(path, partial)
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
            partial.rename(self._folder / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)  # a full disk needs the room
            raise DatabaseUnusable(f"{self.where} cannot be written: {error.strerror}") from None

    async def get(self, name: str, path: Path) -> None:
        try:
            shutil.copyfile(self._folder / name, path)
        except FileNotFoundError:
            raise NotFound(f"{self.where} has no {name}") from None
        except OSError as error:
            raise DatabaseUnusable(f"{self.where} cannot be read: {error.strerror}") from None

    async def list(self) -> list[Kept]:
        if not self._folder.is_dir():
            return []
        files = (path for path in sorted(self._folder.iterdir()) if path.is_file())
        return [Kept(path.name, path.stat().st_size) for path in files if path.name[0] != "."]

    async def delete(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


class Bucket:
    """Files in a bucket, below a prefix."""

    def __init__(self, url: str, settings: Settings) -> None:
        try:
            from obstore.store import S3Store
        except ImportError:
            raise DatabaseUnusable("S3 is not installed: install aicompare[backup]") from None
        bucket, prefix = split_s3(url)
        self.where = url
        options: dict[str, Any] = {}
        if settings.backup_s3_endpoint:
            # Stand-ins and private servers have no name for each bucket.
            options = {
                "endpoint": settings.backup_s3_endpoint,
                "virtual_hosted_style_request": False,
            }
        self._store = S3Store(
            bucket,
            prefix=prefix or None,
            region=settings.backup_s3_region,
            access_key_id=settings.backup_s3_key_id or "",
            secret_access_key=settings.backup_s3_secret or "",
            client_options={"connect_timeout": _CONNECT, "timeout": _ANSWER, "allow_http": True},
            retry_config={"max_retries": 3, "retry_timeout": datetime.timedelta(seconds=60)},
            **options,
        )

    async def put(self, path: Path, name: str) -> None:
        try:
            await self._store.put_async(name, path)
        except Exception as error:
            raise self._away(error) from None

    async def get(self, name: str, path: Path) -> None:
        try:
            found = await self._store.get_async(name)
            with path.open("wb") as file:
                async for piece in found.stream(min_chunk_size=1 << 20):
                    file.write(piece)
        except FileNotFoundError:
            raise NotFound(f"{self.where} has no {name}") from None
        except Exception as error:
            raise self._away(error) from None

    async def list(self) -> list[Kept]:
        try:
            found = await self._store.list_with_delimiter_async()
            return sorted(Kept(one["path"], one["size"]) for one in found["objects"])
        except Exception as error:
            raise self._away(error) from None

    async def delete(self, name: str) -> None:
        try:
            await self._store.delete_async(name)
        except FileNotFoundError:
            pass
        except Exception as error:
            raise self._away(error) from None

    def _away(self, error: Exception) -> Unavailable:
        # Its own words go on for pages.
        return Unavailable(f"{self.where} cannot be reached: {str(error).splitlines()[0][:200]}")


def split_s3(url: str) -> tuple[str, str]:
    """Bucket and prefix of `s3://BUCKET/PREFIX`."""
    parts = urlsplit(url)
    return parts.netloc, parts.path.strip("/")


def open_store(settings: Settings) -> Store:
    """Where the settings say that backups go; a folder `backups` where they do not."""
    to = settings.backup_to or "backups"
    if to.startswith("s3://"):
        return Bucket(to, settings)
    return Folder(Path(to.removeprefix("file:")))
