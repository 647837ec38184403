"""Answers kept in the process: bounded, renewed by tag, loaded once however many wait.

An entry is served until its time is over or something that it depends on has changed. Past its time
it is served once more while a fresh one is loaded; when the database is away, any entry rather than
an error. A change is not told before it has been dealt with, so that for a moment the old answers
are still right: in it those that are asked for most are loaded anew, and only the rest is dropped.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from aiocache import SimpleMemoryCache

from service.errors import Unavailable

V = TypeVar("V")

State = Literal["hit", "miss", "stale"]

# Bytes that an entry costs beside what it holds.
_OVERHEAD: Final = 2048
# Share of the bounds for entries that were asked for again: a client that asks for something new
# each time only ever replaces what nobody asked for twice.
_PROTECTED: Final = 0.8
# Retired tags that are remembered one by one; beyond, all are taken to be as new as the newest.
_REMEMBERED: Final = 10_000
# Loads at once while entries are renewed: hits are not to queue behind them.
_RENEWERS: Final = 16


@dataclass(frozen=True, slots=True)
class Loaded(Generic[V]):
    """What a load brings: the value, what it depends on, and how long it may be kept."""

    value: V
    tags: frozenset[str]
    revision: int
    seconds: float
    size: int


Load: TypeAlias = Callable[[], Awaitable[Loaded[V]]]


@dataclass(slots=True, eq=False)
class Entry(Generic[V]):
    """A kept answer. `revision` is the state that it was read from.

    It stays the same entry when it is loaded anew.
    """

    value: V
    tags: frozenset[str]
    revision: int
    # On the monotonic clock.
    fresh_until: float
    size: int
    load: Load[V]
    # Until what it depends on has changed. `key` says where it is kept, None once it no longer is.
    valid: bool = True
    key: Hashable = None
    # Times that it was served since it was loaded.
    served: int = 0


@dataclass(slots=True)
class Counters:
    """What happened since the start."""

    hits: int = 0
    misses: int = 0
    stale: int = 0


class BoundedMemory(SimpleMemoryCache):  # type: ignore[misc]
    """aiocache's memory backend with bounds in entries and bytes.

    Two segments, each in order of use: new entries are on probation, and what is asked for again
    is protected. Room is made on probation first. Values are `Entry`s, which know their size.
    """

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        super().__init__(timeout=None)
        self.max_entries, self.max_bytes = max_entries, max_bytes
        self.bytes = self.evictions = 0
        self._protected_bytes = 0
        self._cache: OrderedDict[Hashable, Entry[Any]] = OrderedDict()
        self._protected: OrderedDict[Hashable, Entry[Any]] = OrderedDict()
        self.on_evict: Callable[[Entry[Any]], None] = lambda entry: None

    def __len__(self) -> int:
        return len(self._cache) + len(self._protected)

    def __iter__(self) -> Iterator[Entry[Any]]:
        return chain(self._cache.values(), self._protected.values())

    def peek(self, key: Hashable) -> Entry[Any] | None:
        """The entry, without counting as a use of it."""
        return self._protected.get(key) or self._cache.get(key)

    def used(self, entry: Entry[Any]) -> None:
        """Move an entry to the safe end of the protected segment."""
        key = entry.key
        if key in self._protected:
            self._protected.move_to_end(key)
        elif self._cache.pop(key, None) is not None:
            self._protected[key] = entry
            self._protected_bytes += entry.size
            while len(self._protected) > 1 and (
                self._protected_bytes > self.max_bytes * _PROTECTED
                or len(self._protected) > self.max_entries * _PROTECTED
            ):
                demoted_key, demoted = self._protected.popitem(last=False)
                self._protected_bytes -= demoted.size
                self._cache[demoted_key] = demoted

    def put(self, key: Hashable, entry: Entry[Any]) -> None:
        """Keep an entry, in the segment of the one that it replaces; make room for it."""
        old = self.peek(key)
        protected = key in self._protected
        if old is not None:
            self.drop(old)
        if entry.size > self.max_bytes:
            return
        entry.key = key
        self.bytes += entry.size
        if protected:
            self._protected[key] = entry
            self._protected_bytes += entry.size
        else:
            self._cache[key] = entry
        self._make_room(entry)

    def grow(self, entry: Entry[Any], size: int) -> None:
        """Account for bytes that a kept entry gained, or lost."""
        if entry.key is None:
            return
        entry.size += size
        self.bytes += size
        if entry.key in self._protected:
            self._protected_bytes += size
        if entry.size > self.max_bytes:
            self.drop(entry)
        self._make_room(entry)

    def drop(self, entry: Entry[Any]) -> None:
        """Forget an entry."""
        if self._protected.pop(entry.key, None) is not None:
            self._protected_bytes -= entry.size
        elif self._cache.pop(entry.key, None) is None:
            return
        entry.key = None
        self.bytes -= entry.size
        self.on_evict(entry)

    def _make_room(self, newest: Entry[Any]) -> None:
        while self.bytes > self.max_bytes or len(self) > self.max_entries:
            oldest = next(iter(self._cache.values()), None)
            if oldest is None or (oldest is newest and self._protected):
                oldest = next(iter(self._protected.values()))
            self.drop(oldest)
            self.evictions += 1

    async def _get(self, key: Any, encoding: str = "utf-8", _conn: Any = None) -> Any:
        return self.peek(key)

    async def _set(
        self, key: Any, value: Any, ttl: Any = None, _cas_token: Any = None, _conn: Any = None
    ) -> bool:
        self.put(key, value)
        return True

    async def _delete(self, key: Any, _conn: Any = None) -> int:
        entry = self.peek(key)
        if entry is None:
            return 0
        self.drop(entry)
        return 1

    async def _exists(self, key: Any, _conn: Any = None) -> bool:
        return self.peek(key) is not None


@dataclass(slots=True)
class Cache(Generic[V]):
    """What the process keeps. Safe from one event loop only."""

    memory: BoundedMemory
    now: Callable[[], float] = monotonic
    # Seconds that renewing may take.
    renewal: float = 0.25
    counters: Counters = field(default_factory=Counters)
    _by_tag: dict[str, set[Entry[V]]] = field(default_factory=dict)
    _retired: dict[str, int] = field(default_factory=dict)
    # A load that was read from an older state than this is not kept.
    _floor: int = 0
    _loads: dict[Hashable, asyncio.Task[Entry[V]]] = field(default_factory=dict)
    _renewing: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Hears of each entry that is kept no longer, for whoever holds on to what is in it.
    on_drop: Callable[[Entry[V]], None] = lambda entry: None

    def __post_init__(self) -> None:
        self.memory.on_evict = self._dropped

    def fresh(self, key: Hashable) -> Entry[V] | None:
        """The entry if it can be served as it is."""
        entry = self.memory.peek(key)
        if entry is not None and entry.valid and self.now() < entry.fresh_until:
            return entry
        return None

    def used(self, entry: Entry[V]) -> None:
        """Count a fresh entry that is served."""
        self.memory.used(entry)
        entry.served += 1
        self.counters.hits += 1

    async def get(self, key: Hashable, load: Load[V]) -> tuple[Entry[V], State]:
        """The kept answer or a loaded one. Raises what `load` raises, where nothing is kept."""
        entry: Entry[V] | None = self.memory.peek(key)
        if entry is not None and entry.valid:
            if self.now() < entry.fresh_until:
                self.used(entry)
                return entry, "hit"
            self.memory.used(entry)
            self._load(key, load)
            self.counters.stale += 1
            return entry, "stale"
        try:
            loaded = await asyncio.shield(self._load(key, load))
        except Unavailable:
            if entry is None:
                raise
            self.counters.stale += 1
            return entry, "stale"
        self.counters.misses += 1
        return loaded, "miss"

    async def renew(self, tags: Iterable[str] | None, revision: int) -> None:
        """Let no answer that depends on these tags (None: any) be served if it is older.

        That holds when this returns or raises, `renewal` seconds after it began at the latest.
        Until then such entries are served while those that were served most often for their size
        are loaded anew; where the database is away, or behind `revision`, no more of them are.
        """
        old = self._older(tags, revision)
        # Whoever waits for a load from now on waits for one that began from now on.
        self._loads = {}
        hot = [entry for entry in old if entry.served]
        # A large answer takes longer.
        hot.sort(key=lambda entry: entry.served / entry.size)
        try:
            if hot:
                await self._renew(hot, revision)
        except TimeoutError:
            pass
        finally:
            for entry in old:
                if entry.revision < revision:
                    entry.valid = False
                    self._forget_tags(entry)

    def _older(self, tags: Iterable[str] | None, revision: int) -> list[Entry[V]]:
        """Entries that are older than a change of these tags; loads that are will not be kept."""
        if tags is None:
            self._floor = max(self._floor, revision)
            found = [*self.memory]
        else:
            tags = set(tags)
            self._retired |= {tag: max(revision, self._retired.get(tag, 0)) for tag in tags}
            found = list(set().union(*(self._by_tag.get(tag, ()) for tag in tags)))
        if len(self._retired) > _REMEMBERED:
            self._floor = max(self._floor, *self._retired.values())
            self._retired.clear()
        return [entry for entry in found if entry.revision < revision]

    async def _renew(self, hot: list[Entry[V]], revision: int) -> None:
        """Load entries anew, the last of the list first; raises `TimeoutError`."""

        async def some() -> None:
            while hot:
                entry = hot.pop()
                if entry.key is None or entry.revision >= revision:
                    continue
                load = self._load(entry.key, entry.load)
                await asyncio.wait((load,))
                error = load.exception()
                if isinstance(error, Unavailable) or (
                    error is None and load.result().revision < revision
                ):
                    hot.clear()

        async with asyncio.timeout(self.renewal), self._renewing, asyncio.TaskGroup() as group:
            for _ in range(min(_RENEWERS, len(hot))):
                group.create_task(some())

    def clear(self) -> None:
        """Forget everything, revisions too: for a database that is another one now."""
        for entry in [*self.memory]:
            self.memory.drop(entry)
            entry.valid = False
        self._retired.clear()
        self._floor = 0
        self._loads = {}

    def _load(self, key: Hashable, load: Load[V]) -> asyncio.Task[Entry[V]]:
        task = self._loads.get(key)
        if task is None:
            task = self._loads[key] = asyncio.get_running_loop().create_task(self._keep(key, load))
            task.add_done_callback(lambda done: self._loaded(key, done))
        return task

    def _loaded(self, key: Hashable, task: asyncio.Task[Entry[V]]) -> None:
        if self._loads.get(key) is task:
            del self._loads[key]
        if not task.cancelled():
            task.exception()  # those who waited have it; a revalidation's goes unheard

    async def _keep(self, key: Hashable, load: Load[V]) -> Entry[V]:
        loaded = await load()
        size = loaded.size + _OVERHEAD
        until = self.now() + loaded.seconds
        fresh = Entry(loaded.value, loaded.tags, loaded.revision, until, size, load)
        newest = max((self._retired.get(tag, 0) for tag in loaded.tags), default=0)
        if loaded.seconds <= 0 or loaded.revision < max(newest, self._floor):
            return fresh
        entry: Entry[V] | None = self.memory.peek(key)
        if entry is None:
            entry = fresh
            self.memory.put(key, entry)
        else:
            self._forget_tags(entry)
            entry.value, entry.tags, entry.revision = fresh.value, fresh.tags, fresh.revision
            entry.fresh_until, entry.valid, entry.served = until, True, 0
            self.memory.grow(entry, size - entry.size)
        if entry.key is not None:
            for tag in entry.tags:
                self._by_tag.setdefault(tag, set()).add(entry)
        return entry

    def _dropped(self, entry: Entry[V]) -> None:
        self._forget_tags(entry)
        self.on_drop(entry)

    def _forget_tags(self, entry: Entry[V]) -> None:
        for tag in entry.tags:
            if kept := self._by_tag.get(tag):
                kept.discard(entry)
                if not kept:
                    del self._by_tag[tag]
