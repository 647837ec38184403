"""The real migrations down again on a database full of data, and up once more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.errors import ServiceError
from service.storage import migrate
from service.storage.database import Database
from tests.catalog import STEPS
from tests.databases import take
from tests.storage.test_database import rows

pytestmark = pytest.mark.anyio

LEFT = {
    "sqlite": "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name",
    "postgres": """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'
        UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        UNION SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
            AND typtype = 'd'
        UNION SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1
    """,
}


async def test_every_step_goes_down_with_its_data_and_up_again(seeded: Database) -> None:
    files = migrate.load(migrate.folder(seeded.engine))
    for i, migration in reversed([*enumerate(files)]):
        await migrate.down(seeded, files)
        state = await migrate.inspect(seeded, files)
        assert migration not in state.applied
        # Each step down leaves a schema from which the way up goes on.
        await migrate.up(seeded, files)
        await migrate.check(seeded, files)
        assert await rows(seeded, "SELECT count(*) FROM models") in ([(20,)], [(0,)])
        await migrate.down(seeded, files, to=files[i - 1].version if i else "0")
    left = await rows(seeded, LEFT["postgres" if seeded.engine == "postgres" else "sqlite"])
    assert left == [("schema_migrations",)]

    await migrate.up(seeded, files)
    for step in STEPS:
        await take(seeded, step)
    assert await rows(seeded, "SELECT count(*) FROM listing") == [(18,)]


async def test_a_later_step_down_leaves_the_catalogue_as_it_is(seeded: Database) -> None:
    files = migrate.load(migrate.folder(seeded.engine))
    catalog = "SELECT * FROM listing ORDER BY model_id"
    log = "SELECT revision, kind, row_id FROM changes ORDER BY revision"
    before = await rows(seeded, catalog), await rows(seeded, log)
    await migrate.down(seeded, files, to="1")
    assert (await rows(seeded, catalog), await rows(seeded, log)) == before
    await migrate.up(seeded, files)
    assert (await rows(seeded, catalog), await rows(seeded, log)) == before


async def test_a_step_down_that_fails_keeps_all_data(seeded: Database) -> None:
    files = migrate.load(migrate.folder(seeded.engine))
    before = await rows(seeded, "SELECT * FROM models ORDER BY id")
    broken = [replace(m, down=f"{m.down}\nDROP nonsense;") for m in files]
    with pytest.raises(ServiceError, match="failed and changed nothing"):
        await migrate.down(seeded, broken, to="0")
    assert await rows(seeded, "SELECT * FROM models ORDER BY id") == before
    await migrate.check(seeded, files)
