"""A small disk for one process: in a mount namespace of its own, without privileges of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

# A disk of so many KiB in place of a folder, with what was in it; then a user without a privilege
# that would get around permissions.
_ENTER = """
set -e
size=$1 folder=$2 user=$3; shift 3
mount --make-rprivate /
kept=$(mktemp -d)
cp -a "$folder/." "$kept"
mount -t tmpfs -o size="${size}k" tmpfs "$folder"
cp -a "$kept/." "$folder"
rm -rf "$kept"
if [ -n "$rootless" ]; then
    exec unshare --user --map-user="$user" setpriv --no-new-privs "$@"
fi
group=$(id --group "$user")
exec setpriv --pdeathsig=keep --reuid="$user" --regid="$group" --clear-groups \\
    --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""


@dataclass(slots=True)
class Disk:
    """The folder that is a disk of its own for whoever runs under `command`."""

    folder: Path
    command: tuple[str, ...]
    # Of a process that sees it.
    pid: int = 0

    @property
    def seen(self) -> Path:
        """The folder as that process sees it."""
        return Path(f"/proc/{self.pid}/root{self.folder}")

    def fill(self) -> None:
        """Leave no room."""
        with (self.seen / "ballast").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                return

    def free(self) -> None:
        (self.seen / "ballast").unlink()


def disk(folder: Path, kibibytes: int, user: str | None = None) -> Disk:
    """A small disk for a user, by default the present one.

    Skips, or fails in CI, where such a thing cannot be made.
    """
    rootless = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = ("env", f"rootless={' '.join(rootless)}", "unshare", *rootless, "--mount", "--")
    command += ("sh", "-c", _ENTER, "sh", str(kibibytes), str(folder), user or str(os.geteuid()))
    problem = "needs unshare and setpriv"
    if shutil.which("unshare") and shutil.which("setpriv"):
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if tried.returncode == 0:
            return Disk(folder, command)
        problem = tried.stderr
    if os.environ.get("CI") == "true":
        pytest.fail(problem)
    pytest.skip(problem)
