"""Archives of exports: what is taken out of them, and what is not."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from service.operations.archive import pack, unpack
from service.operations.manifest import Unusable


def member(name: str, type: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, "/etc/passwd"
    return info


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    files = {"manifest.json": b"{}", "postgres.dump": bytes(range(256)) * 9999, "empty.ndjson": b""}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    pack(folder, tmp_path / "archive")
    unpack(tmp_path / "archive", tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == files


@pytest.mark.parametrize(
    "foreign",
    [
        member("../outside"),
        member("folder/file"),
        member("link", tarfile.SYMTYPE),
        member("folder", tarfile.DIRTYPE),
    ],
    ids=lambda info: info.name,
)
def test_what_is_no_file_of_an_export_is_refused(tmp_path: Path, foreign: tarfile.TarInfo) -> None:
    content = io.BytesIO()
    with tarfile.open(mode="w", fileobj=content) as tar:
        tar.addfile(foreign)
    (tmp_path / "archive").write_bytes(zstandard.compress(content.getvalue()))
    with pytest.raises(Unusable, match="cut short or altered"):
        unpack(tmp_path / "archive", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    assert not (tmp_path / "outside").exists()
