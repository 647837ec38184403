"""Engines that nobody else uses, so that they may be stopped and killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines import Server, start


@pytest.fixture
def own(servers: Callable[[str], Server], request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the engine that the parameter names."""
    servers(request.param)  # which skips, or fails in CI, where there is none
    # Not pytest's own folders: those are closed to the user that Postgres runs as.
    root = Path(tempfile.mkdtemp(prefix="aicompare-"))
    root.chmod(0o755)
    (root / request.param).mkdir()
    server = start(request.param, root / request.param)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(root, ignore_errors=True)
