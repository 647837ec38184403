"""The cache: bounds, tags, one load per key, stale answers, renewal."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from time import monotonic

import pytest

from service.application.cache import _RENEWERS, BoundedMemory, Cache, Entry, Load, Loaded
from service.errors import Unavailable

pytestmark = pytest.mark.anyio


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class Source:
    """Something to load from: counts loads, waits until let go, fails when away."""

    def __init__(self) -> None:
        self.loads = 0
        self.revision = 1
        self.away = False
        self.open = asyncio.Event()
        self.open.set()
        self.tags = frozenset({"models"})
        self.size = 100

    async def __call__(self) -> Loaded[str]:
        self.loads += 1
        revision = self.revision
        await self.open.wait()
        if self.away:
            raise Unavailable("away")
        return Loaded(f"r{revision}", self.tags, revision, 60.0, self.size)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache[str]:
    return Cache(BoundedMemory(max_entries=100, max_bytes=1_000_000), now=clock)


async def test_a_second_question_is_a_hit(cache: Cache[str]) -> None:
    source = Source()
    assert (await cache.get("k", source))[1] == "miss"
    entry, state = await cache.get("k", source)
    assert (entry.value, state, source.loads) == ("r1", "hit", 1)
    assert cache.fresh("k") is entry
    # The way of aiocache itself sees the same entry.
    assert await cache.memory.get("k") is entry
    assert await cache.memory.delete("k") == 1
    assert cache.fresh("k") is None


async def test_however_many_wait_it_is_loaded_once(cache: Cache[str]) -> None:
    source = Source()
    source.open.clear()
    waiting = [asyncio.create_task(cache.get("k", source)) for _ in range(50)]
    await asyncio.sleep(0)
    source.open.set()
    assert {entry.value for entry, _ in await asyncio.gather(*waiting)} == {"r1"}
    assert source.loads == 1


async def test_one_who_gives_up_does_not_take_the_load_from_the_others(cache: Cache[str]) -> None:
    source = Source()
    source.open.clear()
    impatient = asyncio.create_task(cache.get("k", source))
    patient = asyncio.create_task(cache.get("k", source))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert (await patient)[0].value == "r1"
    assert source.loads == 1


async def test_a_failed_load_is_told_to_all_and_tried_again(cache: Cache[str]) -> None:
    source = Source()
    source.away = True
    results = await asyncio.gather(
        *(cache.get("k", source) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(result, Unavailable) for result in results)
    assert source.loads == 1
    source.away = False
    assert (await cache.get("k", source))[0].value == "r1"


async def test_past_its_time_it_is_served_while_a_new_one_is_loaded(
    cache: Cache[str], clock: Clock
) -> None:
    source = Source()
    await cache.get("k", source)
    clock.seconds += 61
    source.revision = 2
    assert cache.fresh("k") is None
    entry, state = await cache.get("k", source)
    assert (entry.value, state) == ("r1", "stale")
    await asyncio.sleep(0.01)
    entry, state = await cache.get("k", source)
    assert (entry.value, state, source.loads) == ("r2", "hit", 2)


async def test_a_retired_tag_is_never_served_but_when_the_database_is_away(
    cache: Cache[str],
) -> None:
    source, other = Source(), Source()
    other.tags = frozenset({"model:a/b"})
    await cache.get("k", source)
    await cache.get("o", other)
    source.revision = 2
    await cache.renew(["models"], 2)
    assert cache.fresh("k") is None
    assert cache.fresh("o") is not None, "another tag keeps its entries warm"
    source.away = True
    assert (await cache.get("k", source)) == (cache.memory.peek("k"), "stale")
    source.away = False
    entry, state = await cache.get("k", source)
    assert (entry.value, state) == ("r2", "miss")


async def test_what_was_read_before_a_write_is_not_kept_after_it(cache: Cache[str]) -> None:
    source = Source()
    source.open.clear()
    early = asyncio.create_task(cache.get("k", source))
    await asyncio.sleep(0.001)
    source.revision = 2
    await cache.renew(["models"], 2)
    late = asyncio.create_task(cache.get("k", source))
    await asyncio.sleep(0)
    source.open.set()
    assert (await early)[0].value == "r1", "asked before the write"
    assert (await late)[0].value == "r2", "asked after it"
    assert cache.fresh("k").value == "r2"  # type: ignore[union-attr]


async def test_a_lagging_source_is_asked_until_it_caught_up(cache: Cache[str]) -> None:
    source = Source()
    await cache.renew(["models"], 5)
    source.revision = 4
    assert (await cache.get("k", source))[1] == "miss"
    assert (await cache.get("k", source))[1] == "miss"
    source.revision = 5
    assert (await cache.get("k", source))[1] == "miss"
    assert (await cache.get("k", source))[1] == "hit"


async def served(cache: Cache[str], source: Source, keys: Iterable[int], times: int = 1) -> None:
    for key in keys:
        for _ in range(times + 1):
            await cache.get(key, source)


async def test_what_was_asked_for_again_is_renewed_while_the_old_is_served(
    cache: Cache[str],
) -> None:
    source, cold = Source(), Source()
    await served(cache, source, range(40))
    await cache.get("cold", cold)
    kept = [cache.fresh(key) for key in range(40)]
    source.open.clear()
    source.revision = cold.revision = 2
    renewal = asyncio.create_task(cache.renew(["models"], 2))
    await asyncio.sleep(0.01)
    assert source.loads - 40 == _RENEWERS, "so many at once"
    assert {(await cache.get(key, source))[0].value for key in range(40)} == {"r1"}
    source.open.set()
    await renewal
    assert [cache.fresh(key) for key in range(40)] == kept, "the same entries, so that they"
    assert {entry.value for entry in kept if entry} == {"r2"}, "are found as before"
    assert (source.loads, cold.loads) == (80, 1)
    assert cache.fresh("cold") is None
    await cache.renew(["models"], 3)
    assert cache.fresh(0) is None, "served while it was old, but not since it was renewed"


async def test_what_is_served_most_for_its_size_is_renewed_first(cache: Cache[str]) -> None:
    cache.renewal = 0.05
    order: list[str] = []

    def source(name: str, size: int) -> Load[str]:
        async def load() -> Loaded[str]:
            order.append(name)
            if cache._retired:
                await asyncio.sleep(0.001)
            return Loaded(name, frozenset({"models"}), len(cache._retired), 60.0, size)

        return load

    for name, size, times in (("b", 10, 3), ("a", 10, 9), ("c", 10, 1), ("d", 99_000, 9)):
        load = source(name, size)
        for _ in range(times + 1):
            await cache.get(name, load)
    order.clear()
    await cache.renew(["models"], 1)
    assert order == ["a", "b", "c", "d"]


@pytest.mark.parametrize("trouble", ["slow", "away", "behind"])
async def test_renewing_is_bounded_and_leaves_nothing_old(cache: Cache[str], trouble: str) -> None:
    source = Source()
    await served(cache, source, range(50))
    if trouble == "slow":
        source.open.clear()
    elif trouble == "away":
        source.away = True
    if trouble != "behind":
        source.revision = 2
    begin = monotonic()
    cache.renewal = 0.1
    await asyncio.gather(*(cache.renew(["models"], 2) for _ in range(5)))
    assert monotonic() - begin < 0.1 + 0.15, "however many write"
    assert not any(cache.fresh(key) for key in range(50))
    assert source.loads - 50 <= (5 if trouble == "slow" else 1) * 5 * _RENEWERS
    source.away, source.revision = False, 2
    source.open.set()
    assert (await cache.get(0, source))[0].value == "r2"


async def test_who_gives_up_on_a_write_leaves_nothing_old(cache: Cache[str]) -> None:
    source = Source()
    await served(cache, source, range(5))
    source.open.clear()
    renewal = asyncio.create_task(cache.renew(["models"], 2))
    await asyncio.sleep(0.01)
    renewal.cancel()
    await asyncio.wait((renewal,))
    assert not any(cache.fresh(key) for key in range(5))


async def test_a_load_from_before_a_write_is_not_taken_for_a_renewal(cache: Cache[str]) -> None:
    source = Source()
    await served(cache, source, range(1))
    assert cache.fresh(0) is not None
    source.open.clear()
    entry = cache.fresh(0)
    assert entry is not None
    early = cache._load(0, source)
    await asyncio.sleep(0.001)
    source.revision = 2
    renewal = asyncio.create_task(cache.renew(["models"], 2))
    await asyncio.sleep(0.001)
    source.open.set()
    await renewal
    await early
    assert (entry.value, entry.revision, entry.valid) == ("r2", 2, True)


async def test_an_entry_that_grew_beyond_the_cache_leaves_it(cache: Cache[str]) -> None:
    source, other = Source(), Source()
    await served(cache, source, range(1))
    await cache.get("other", other)
    source.size, source.revision, other.tags = 2_000_000, 2, frozenset()
    await cache.renew(["models"], 2)
    assert cache.fresh(0) is None
    assert cache.memory.peek("other") is not None
    assert cache.memory.bytes < 5_000


async def test_retiring_all_spares_what_is_newer(cache: Cache[str]) -> None:
    old, new = Source(), Source()
    new.revision = 9
    await cache.get("old", old)
    await cache.get("new", new)
    await cache.renew(None, 9)
    assert cache.fresh("old") is None
    assert cache.fresh("new") is not None
    await cache.renew(["models"], 10)
    assert cache.fresh("new") is None


async def test_bounds_hold_and_a_scan_does_not_push_out_what_is_hot(cache: Cache[str]) -> None:
    hot = Source()
    for key in range(20):
        await cache.get(("hot", key), hot)
        await cache.get(("hot", key), hot)
    scan = Source()
    for key in range(5_000):
        await cache.get(("scan", key), scan)
    assert len(cache.memory) <= 100
    assert cache.memory.evictions > 4_000
    assert all(cache.fresh(("hot", key)) for key in range(20))
    assert len(cache._by_tag["models"]) == len(cache.memory), "no tag outlives its entry"


async def test_bytes_are_bounded_however_they_come() -> None:
    memory = BoundedMemory(max_entries=1000, max_bytes=10_000)
    keys = itertools.count()

    def put(size: int) -> Entry[str]:
        entry = Entry("v", frozenset(), 1, 0.0, size, Source())
        memory.put(next(keys), entry)
        return entry

    first = put(4_000)
    put(4_000)
    put(4_000)
    assert (memory.bytes, memory.peek(0)) == (8_000, None)
    memory.grow(first, 1_000)
    assert memory.bytes == 8_000, "an evicted entry no longer counts"
    kept = put(1_000)
    memory.used(kept)
    memory.grow(kept, 5_000)
    assert memory.bytes <= 10_000
    assert memory.peek(kept.key) is kept
    put(10_001)
    assert memory.bytes <= 10_000, "what is larger than the cache is not kept"
    while len(memory):
        memory.drop(next(iter([*memory._protected.values(), *memory._cache.values()])))
    assert (memory.bytes, memory._protected_bytes) == (0, 0)
