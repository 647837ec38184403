"""The container's promise without a container: nothing is written outside the data."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.engines import ROOT
from tests.operations.regions import regions
from tests.processes import HEADERS

pytestmark = pytest.mark.anyio

# Everything read-only but one folder; then without any privilege that would get around it.
SEAL = """
set -e
data=$1; shift
mount --make-rprivate /
mount --bind "$data" "$data"
awk '{print $2}' /proc/mounts | while read -r place; do
  case "$place" in
    "$data"|/proc*|/dev*|/sys*) ;;
    *) mount -o remount,bind,ro "$place" 2>/dev/null || true ;;
  esac
done
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""


def sealed(data: Path) -> tuple[str, ...]:
    """What runs a command with a read-only file system; skips, or fails in CI, without it."""
    rootless = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = ("unshare", *rootless, "--mount", "--", "sh", "-c", SEAL, "sh", str(data))
    problem = "needs unshare and setpriv, and mounts that one may make"
    if shutil.which("unshare") and shutil.which("setpriv"):
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            for place in (ROOT, Path("/tmp"), data.parent, Path(sys.prefix)):
                attempt = [*command, "touch", str(place / "written")]
                done = subprocess.run(attempt, capture_output=True, text=True, check=False)
                assert "Read-only file system" in done.stderr, place
            return command
        problem = tried.stderr
    if os.environ.get("CI") == "true":
        pytest.fail(problem)
    pytest.skip(problem)


async def test_a_node_writes_only_to_its_data(tmp_path: Path) -> None:
    data = tmp_path / "fra"
    data.mkdir()
    command = sealed(data)
    async with regions(tmp_path, "fra") as (primary,):
        primary.prefix = command
        primary.environment |= {"TMPDIR": str(data), "HOME": "/nonexistent"}
        primary.start()
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            await primary.ready(client)
            body = {"name": "Acme"}
            path = f"{primary.url}/v1/providers/acme"
            assert (await client.put(path, json=body, headers=HEADERS)).status_code == 201
            assert (await client.get(path)).json()["data"]["name"] == "Acme"
            assert (await client.get(f"{primary.url}/docs")).status_code == 200
        assert await primary.stop() == 0
        log = primary.log.read_text()
        assert "Read-only" not in log
        assert "Traceback" not in log
    assert {one.name for one in data.iterdir()} == {"libsql", "log"}
