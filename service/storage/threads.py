"""Work on SQLite connections in threads of their own, with a deadline that cannot misfire."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from service.errors import Unavailable
from service.interpreter import switching_often

T = TypeVar("T")

# Errors after which a connection is of no more use: the file may be repaired, or be another one,
# and one that was opened read-only stays so.
LOST = (
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
)


def forget(connection: apsw.Connection) -> None:
    """Close a connection to a file that is in doubt: its log stays, it may be another file's."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.close(True)


class _Job:
    """One call on its way through a thread: a result or an error for the waiting task."""

    def __init__(self, work: Callable[[apsw.Connection], Any], deadline: float) -> None:
        self.work = work
        self.until = time.monotonic() + deadline
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.guard = threading.Lock()
        self.connection: apsw.Connection | None = None
        self.given_up = False

    def run(self, connection: apsw.Connection) -> Any:
        """Do the work, during which (and only then) `stop` interrupts the connection."""
        with self.guard:
            if self.given_up:
                return None
            self.connection = connection
        connection.set_busy_timeout(max(0, int((self.until - time.monotonic()) * 1000)))
        try:
            result = self.work(connection)
        finally:
            with self.guard:
                self.connection = None
        if connection.in_transaction and not self.given_up:
            connection.execute("COMMIT")
        return result

    def stop(self, why: str) -> None:
        """End the wait now, and the work as soon as SQLite notices. Called on the event loop."""
        if not self.future.done():
            self.future.set_exception(Unavailable(why))
        with self.guard:
            self.given_up = True
            if self.connection is None:
                return
            self.connection.interrupt()
        # An interrupt that falls between two statements is lost.
        self.loop.call_later(0.01, self.stop, why)

    def settle(self, result: Any, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self.loop.call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: BaseException | None) -> None:
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)


class ConnectionThreads:
    """Threads with a connection each, which share one queue of work; all start at first use.

    `connect` runs in its thread, at the first work there, and again after it failed.
    """

    def __init__(self, size: int, deadline: float, connect: Callable[[], apsw.Connection]) -> None:
        self._size = size
        self._deadline = deadline
        self._connect = connect
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._under_way: set[_Job] = set()
        self._closed = False

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """Run `work` in a free thread; a transaction that it leaves open is committed.

        It is rolled back if `work` raises or the caller has given up. Raises whatever `work` or
        `connect` raise, and `Unavailable` at the deadline, which includes the wait for a thread.
        """
        if self._closed:
            raise Unavailable("the database was closed")
        if not self._threads:
            self._start()
        job = _Job(work, self._deadline)
        late = f"the database did not answer within {self._deadline:g} s"
        timer = job.loop.call_later(self._deadline, job.stop, late)
        self._under_way.add(job)
        self._queue.put(job)
        try:
            with switching_often():
                result: T = await job.future
            return result
        except asyncio.CancelledError:
            job.stop("cancelled")
            raise
        finally:
            timer.cancel()
            self._under_way.discard(job)

    async def close(self) -> None:
        """Stop what is under way, then end the threads and their connections."""
        self._closed = True
        for job in list(self._under_way):
            job.stop("the database was closed")
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            await asyncio.to_thread(thread.join)

    def _start(self) -> None:
        # Daemons: a program that forgets to close must still be able to end.
        self._threads = [
            threading.Thread(target=self._serve, daemon=True) for _ in range(self._size)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        connection: apsw.Connection | None = None
        while (job := self._queue.get()) is not None:
            try:
                connection = connection or self._connect()
                job.settle(job.run(connection), None)
            except Exception as error:
                if connection and isinstance(error, LOST):
                    forget(connection)
                    connection = None
                job.settle(None, error)
            if connection and connection.in_transaction:  # here no interrupt comes any more
                connection.execute("ROLLBACK")
            job = None
        if connection:
            connection.close()
