"""Over HTTP to a real service: connections that break, processes that are killed, other places."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import HTTP
from tests.ingest.conftest import Here, Run, Said, run_of
from tests.ingest.wire import AICOMPARE, SECRET, Wire, environment, serving

MODELS = 1_500
HEADERS = {"authorization": f"Bearer {SECRET}"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One provider, and models with a price each: some batches of several 100 kB."""
    lines = ["table,id,name,providerId,modelId,family,effectiveDate,inputPrice,sourceUrl"]
    lines.append("providers,acme,Acme,,,,,,")
    padding = "x" * 900
    for i in range(MODELS):
        lines.append(f"models,,Model {i},acme,model-{i},family,,,https://example.org/{padding}")
    for i in range(MODELS):
        lines.append(f"pricing,,,,acme/model-{i},,2026-01-01,0.{i + 1:05},")
    path = tmp_path_factory.mktemp("documents") / "catalogue.csv"
    path.write_text("\n".join(lines))
    return str(path)


class Far:
    """A service, a wire to it, and `aicompare ingest` over that."""

    def __init__(self, here: Here, wire: Wire, run: Run) -> None:
        self.here, self.wire, self._run = here, wire, run

    def ingest(self, *arguments: str, code: int = 0) -> Said:
        said = self._run("ingest", *arguments, "--to", self.wire.url, "--token", SECRET)
        assert said.code == code, said
        return said

    def runs(self) -> list[tuple[str, str]]:
        return self.here.rows("SELECT id, status FROM pipeline_runs ORDER BY started_at")

    def check_whole(self) -> None:
        """Every row is there, and was written once."""
        for table, count in (("providers", 1), ("models", MODELS), ("pricing", MODELS)):
            assert self.here.rows(f"SELECT count(*) FROM {table}") == [(count,)]
            written = f"SELECT count(*) FROM changes WHERE table_name = '{table}'"
            assert self.here.rows(written) == [(count,)]


@pytest.fixture
def far(sqlite: Here, run: Run, tmp_path: Path) -> Iterator[Far]:
    with serving(sqlite.engine, tmp_path / "serve.log") as port:
        wire = Wire(port)
        yield Far(sqlite, wire, run)
        wire.close()


def test_cut_in_the_middle_and_sent_again(far: Far, document: str) -> None:
    far.wire.after = [150_000, 1_000_000, 1_800_000]
    far.wire.lost = 2
    said = far.ingest("csv", "--file", document)
    assert (far.wire.after, far.wire.lost) == ([], 0), "all of that happened"
    assert said.counts["models"] == {"created": MODELS}
    assert said.counts["pricing"] == {"created": MODELS}
    assert far.runs() == [(run_of(said), "success")]
    far.check_whole()


def test_a_killed_process_is_followed_by_one_that_takes_its_run_up(
    far: Far, document: str, tmp_path: Path
) -> None:
    far.wire.hang_after = 1_300_000
    arguments = ["ingest", "csv", "--file", document, "--to", far.wire.url]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [AICOMPARE, *arguments],
            stdout=out,
            stderr=out,
            env=environment() | {"AICOMPARE_TOKEN": SECRET},
        )
        deadline = time.monotonic() + 120
        while far.wire.sent < far.wire.hang_after:
            assert process.poll() is None, (tmp_path / "out").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        process.wait()
    [(run, status)] = far.runs()
    assert status == "running"
    [(stored,)] = far.here.rows("SELECT count(*) FROM models")
    assert 0 < stored < MODELS

    far.wire.hang_after = None
    said = far.ingest("csv", "--file", document)
    assert run_of(said) == run
    assert far.runs() == [(run, "success")]
    far.check_whole()


def test_the_same_again_is_another_run_that_changes_nothing(far: Far, document: str) -> None:
    first = run_of(far.ingest("csv", "--file", document))
    said = far.ingest("csv", "--file", document)
    assert run_of(said) != first
    assert said.counts["models"] == {"unchanged": MODELS}
    assert [status for _, status in far.runs()] == ["success", "success"]
    far.check_whole()


def test_a_primary_that_stays_away(
    far: Far, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.commands.ingest.WAITS", (0.01, 0.01))
    far.wire.after = [300_000 + i for i in range(50)]
    said = far.ingest("csv", "--file", document, code=1)
    assert "is left open: give the same command again" in said.err
    assert said.err.count(": asked again in 0.01 s\n") == 2
    assert said.err.count("\n") == 3
    [(run, status)] = far.runs()
    assert (run in said.err, status) == (True, "running")
    far.wire.after = []
    assert run_of(far.ingest("csv", "--file", document)) == run
    far.check_whole()


def test_a_dry_run_over_http_shows_what_a_run_does(far: Far, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "table,id,name,providerId,modelId,family,effectiveDate,inputPrice\n"
        "providers,acme,Acme,,,,,\nmodels,,One,acme,one,old,,\npricing,,,,acme/one,,2026-01-01,1\n"
    )
    far.ingest("csv", "--file", str(path))
    locked = HTTP.put(f"{far.wire.url}/v1/locks/models/acme/one/name", headers=HEADERS)
    assert locked.status_code == 200, locked.text
    path.write_text(
        "table,id,name,providerId,modelId,family,effectiveDate,inputPrice\n"
        "providers,acme,Acme!,,,,,\nmodels,,Other,acme,one,new,,\n"
        "models,,Two,acme,two,,,\npricing,,,,acme/one,,2026-01-02,100\n"
        "pricing,,,,acme/two,,2026-01-02,1\npricing,,,,acme/three,,2026-01-02,1\n"
    )
    told = far.ingest("csv", "--file", str(path), "--dry-run")
    lines = [" ".join(line.split()) for line in told.out.splitlines()]
    assert "updated providers acme name: Acme → Acme!" in lines
    assert "name: One is locked, not Other" in lines
    assert "1 pricing: its model is not stored" in lines
    assert len(far.runs()) == 1
    done = far.ingest("csv", "--file", str(path))
    assert done.counts == told.counts
    assert done.counts["pricing"] == {"created": 1, "held": 1}


def test_refusals_are_told_in_one_line(far: Far, document: str, run: Run) -> None:
    no_token = run("ingest", "csv", "--file", document, "--to", far.wire.url)
    assert (no_token.code, "give --token" in no_token.err) == (1, True)
    wrong = run("ingest", "csv", "--file", document, "--to", far.wire.url, "--token", "wrong")
    assert (wrong.code, "the token is unknown" in wrong.err) == (1, True)
    for url in ("ftp://x", "http://", "http://[x"):
        nobody = run("ingest", "csv", "--file", document, "--to", url, "--token", "x")
        assert (nobody.code, "is no service" in nobody.err) == (1, True), nobody.err
        assert nobody.err.count("\n") == 1
    assert {said.err.count("\n") for said in (no_token, wrong)} == {1}
    assert not far.runs()
    both = run("ingest", "csv", "--file", document, "--to", "http://x", "--database-url", "x.db")
    assert both.code == 2


def test_what_was_exported_changes_nothing(here: Here, tmp_path: Path) -> None:
    """Names that spreadsheets would run, quotes, lists, exact prices: all as they were."""
    path = tmp_path / "odd.csv"
    path.write_text(
        "table,id,name,providerId,modelId,inputModalities,contextWindow,supportsVision,releaseDate,"
        "observedOn,inputPrice,serviceTier,benchmarkName,score,scoreLow,sourceUrl\n"
        'providers,acme,"=SUM(1), ""Acme""\nand more",,,,,,,,,,,,,\n'
        "models,,''=quoted,acme,@one/x:free,\"text,image\",5,true,2026-01-01,,,,,,,\n"
        "models,,+two,acme,two,,,,,,,,,,,\n"
        "pricing,,,,acme/@one/x:free,,,,,2026-01-01,0.000000001,batch,,,,\n"
        "pricing,,,,acme/two,,,,,2026-01-01,,standard,,,,\n"
        "benchmarks,,,,acme/two,,,,,,,,-Bench,-0.5,-1.25,https://example.org/?a=b\n"
    )
    assert here.ingest("csv", "--file", str(path)).counts["models"] == {"created": 2}
    before = here.rows("SELECT max(revision) FROM changes")
    with serving(here.engine, tmp_path / "serve.log") as port:
        url = f"http://127.0.0.1:{port}"
        for table in ("providers", "models", "pricing", "benchmarks"):
            export = HTTP.get(
                f"{url}/v1/export/{table}.csv?deprecated=any"
                if table == "models"
                else f"{url}/v1/export/{table}.csv"
            )
            (tmp_path / "export.csv").write_bytes(export.content)
            said = here.ingest("csv", "--file", str(tmp_path / "export.csv"))
            assert set(said.counts[table]) == {"unchanged"}, (table, export.text, said.out)
            assert "not stored" not in said.out
    assert here.rows("SELECT max(revision) FROM changes") == before
