"""A primary that ships its log to S3: its volume is lost, and all comes back from there."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.operations.bucket import BucketServer
from tests.operations.regions import Region, regions
from tests.processes import client
from tests.pushing import Pusher

pytestmark = pytest.mark.anyio


def shipping(bucket: BucketServer) -> dict[str, str]:
    """What switches it on; the rest is what backups are told."""
    told = {f"AICOMPARE_{name.upper()}": value for name, value in bucket.settings.items()}
    return {
        **told,
        "LIBSQL_BOTTOMLESS_BUCKET": "backups",
        "LIBSQL_BOTTOMLESS_BATCH_INTERVAL_SECS": "1",
        "RUST_LOG": "info",
    }


def waiting(region: Region) -> list[Path]:
    """What S3 has yet to take."""
    folder = region.folder / "libsql" / "backups"
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


async def shipped(region: Region) -> None:
    """Return once S3 has all that was written: an interval is over, and nothing waits."""
    await asyncio.sleep(3)
    async with asyncio.timeout(60):
        while waiting(region):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def lost(region: Region) -> None:
    """The machine dies, and its volume with it."""
    await region.kill()
    shutil.rmtree(region.folder / "libsql")


async def providers(region: Region, revision: int) -> int:
    async with client() as http:
        answer = await http.get(
            f"{region.url}/v1/providers?pageSize=1", headers={"min-revision": str(revision)}
        )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["meta"]["total"])


async def test_its_volume_is_lost(tmp_path: Path, bucket: BucketServer) -> None:
    """Twice, the second time after S3 was away while it was written to; a region follows again."""
    async with (
        regions(tmp_path, "fra", "iad", **shipping(bucket)) as (primary, iad),
        client() as http,
    ):
        for region in (primary, iad):
            region.start()
            await region.ready(http)
        pusher = Pusher(primary.url)
        for number in range(5):
            assert await pusher.push(number, http)
        await shipped(primary)
        await lost(primary)
        primary.start()
        await primary.ready(http)
        assert "Finished database restoration" in primary.log.read_text()
        for number in range(5, 8):
            assert await pusher.push(number, http)

        bucket.stop()
        for number in range(8, 12):
            assert await pusher.push(number, http)
            await asyncio.sleep(0.5)
        assert waiting(primary)
        bucket.start()
        await shipped(primary)
        await lost(primary)
        primary.start()
        await primary.ready(http)
        status = (await http.get(f"{primary.url}/v1/status")).json()["data"]
        for region in (primary, iad):
            async with asyncio.timeout(60):
                while await providers(region, status["revision"]) != 12:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            log = region.log.read_text()
            assert "Traceback" not in log
            assert await region.stop() == 0, log
