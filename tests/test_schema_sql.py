"""`schema.sql` is what the migrations make, and a database that can be used."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
from click.testing import CliRunner

from service.commands.migrate import migrate

SCHEMA = Path(__file__).parent.parent / "schema.sql"


def test_it_is_what_the_migrations_make() -> None:
    dumped = CliRunner().invoke(migrate, ["dump"])
    assert dumped.exit_code == 0
    assert SCHEMA.read_text() == dumped.output, "run `make schema`"


def test_it_loads() -> None:
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute(SCHEMA.read_text()).fetchall()
        connection.execute("INSERT INTO catalog_state (id, price_day) VALUES (1, '2026-11-22')")
        connection.execute("INSERT INTO providers (id, name) VALUES ('p', 'P')")
        connection.execute(
            "INSERT INTO models (id, provider_id, model_id, name) VALUES ('p/m', 'p', 'm', 'Model')"
        )
        found = "SELECT rowid FROM listing_search WHERE listing_search MATCH 'mode'"
        assert len(connection.execute(found).fetchall()) == 1
        assert connection.execute("SELECT count(*) FROM changes").fetchone() == (2,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
