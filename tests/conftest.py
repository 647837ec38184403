"""Fixtures that give every test a real database.

Async tests run under anyio's own plugin: `pytestmark = pytest.mark.anyio` at the top of a file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines import NAMES, WRITTEN, Engine, Missing, Server, start

BROWSER = Path(__file__).parent / "browser"

Servers = Callable[[str], Server]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The browser's tests run alone, and only when asked for: see `tests/browser/conftest.py`."""
    asked = [config.invocation_params.dir / arg.partition("::")[0] for arg in config.args]
    if collection_path != BROWSER or any(one.resolve().is_relative_to(BROWSER) for one in asked):
        return None
    return True


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Each engine by its name, started when first asked for.

    A test that asks for a missing engine is skipped, or fails where CI is true.
    """
    # Not pytest's own folders: those are closed to the user that Postgres runs as.
    root = Path(tempfile.mkdtemp(prefix="aicompare-"))
    root.chmod(0o755)
    started: dict[str, Server] = {}

    def get(name: str) -> Server:
        if name not in started:
            folder = root / name
            folder.mkdir()
            try:
                started[name] = start(name, folder)
            except Missing as missing:
                folder.rmdir()
                if os.environ.get("CI") == "true":
                    pytest.fail(str(missing))
                pytest.skip(str(missing))
        return started[name]

    try:
        yield get
    finally:
        for server in started.values():
            server.close()
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="session", params=NAMES)
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """Each engine in turn."""
    return servers(request.param)


@pytest.fixture(scope="session", params=WRITTEN)
def written(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """Each engine in turn, for tests that look only at where is written."""
    return servers(request.param)


@pytest.fixture
def new_database(server: Server) -> Iterator[Callable[[], Engine]]:
    """Makes empty databases of each engine in turn; they are gone after the test."""
    made: list[Engine] = []

    def make() -> Engine:
        made.append(server.new())
        return made[-1]

    yield make
    for database in made:
        server.drop(database)


@pytest.fixture
def engine(new_database: Callable[[], Engine]) -> Engine:
    """An empty database of each engine in turn."""
    return new_database()
