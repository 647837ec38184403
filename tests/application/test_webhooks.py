"""Webhooks on each engine: all that was wanted, in order, at least once, from one runner."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from service.application import webhooks
from service.application.cache import BoundedMemory, Cache
from service.application.dispatch import BATCH, Dispatcher
from service.application.posting import Poster
from service.application.watch import Watch
from service.domain.queries import ChangeFilter
from service.domain.values import timestamp
from service.errors import InvalidRequest, NotFound
from service.http.reply import encode
from service.storage import changes, deliveries
from service.storage.database import Database, Statement
from service.storage.writing import Author, write
from tests.catalog import NOW, OPUS, SONNET
from tests.databases import copied, reading, writing
from tests.engines import Engine, Server, free_port
from tests.receiver import Receiver, check_signature, receiving

pytestmark = pytest.mark.anyio

MODELS = (SONNET, OPUS, "google/gemini-2.5-pro", "openai/gpt-5", "openai/o3")
ALL = ChangeFilter()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.domain.webhooks.FIRST_WAIT", 0.02)


@pytest.fixture
async def engine(server: Server) -> AsyncIterator[Engine]:
    async with copied(server, "seeded") as engine:
        server.settle(engine)
        yield engine


@pytest.fixture
async def database(engine: Engine) -> AsyncIterator[Database]:
    async with writing(engine) as database:
        yield database


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


@asynccontextmanager
async def dispatching(engine: Engine, **given: Any) -> AsyncIterator[Dispatcher]:
    """A process that delivers, until it is told to stop."""
    options: dict[str, Any] = {"patience": datetime.timedelta(days=3)} | given
    deadline, clock = options.pop("deadline", 10.0), options.pop("clock", now)
    async with reading(engine) as reader, writing(engine) as writer:
        watch = Watch(reader, Cache(BoundedMemory(10, 1000)), now, 0.02)
        dispatcher = Dispatcher(
            writer, watch, clock, encode, lambda: Poster(deadline, anywhere=True), **options
        )
        tasks = [asyncio.create_task(watch.run()), asyncio.create_task(dispatcher.run())]
        try:
            yield dispatcher
        finally:
            for task in tasks:
                assert not task.done(), task.exception()
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def add(database: Database, receiver: Receiver, wanted: ChangeFilter = ALL) -> Any:
    return await webhooks.add(database, f"{receiver.url}/hook", wanted, now(), anywhere=True)


async def edit(database: Database, *names: tuple[str, str]) -> int:
    revision, _ = await write(
        database,
        Author("test", NOW),
        *(
            Statement(
                "edit", "UPDATE models SET name = :name WHERE id = :id", {"id": id, "name": name}
            )
            for id, name in names
        ),
    )
    return revision


async def log(database: Database, since: int, wanted: ChangeFilter = ALL) -> list[int]:
    found = await changes.after(database, wanted, since, 10_000)
    return [one.revision for one in found.changes]


async def state(database: Database) -> webhooks.Owed:
    (one,) = await webhooks.list_webhooks(database)
    return one


async def until(database: Database, reached: Callable[[webhooks.Owed], bool]) -> webhooks.Owed:
    """The state of the one webhook, when it is as wanted."""
    async with asyncio.timeout(60):
        while not reached(found := await state(database)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def held_until(database: Database) -> str:
    """When the place of the one that delivers is free, unless it is held on to."""
    [[(moment,)]] = await database.fetch(Statement("test", "SELECT held_until FROM webhook_runner"))
    return str(moment)


async def test_what_is_sent(engine: Engine, database: Database) -> None:
    async with receiving() as receiver, dispatching(engine):
        made, secret = await add(database, receiver)
        newest = await edit(database, (SONNET, "One"), (OPUS, "Two"))
        await receiver.until(lambda: bool(receiver.posts))
        (post,) = receiver.posts
        check_signature(post, secret)
        assert list(post.data) == ["webhook", "deliveryId", "events", "tags"]
        assert post.data["webhook"] == made.id
        assert post.data["deliveryId"] == post.delivery
        assert post.revisions == [newest - 1, newest]
        event = post.data["events"][0]
        assert event["kind"] == "model_changed"
        assert (event["modelId"], event["after"]["name"]) == (SONNET, "One")
        assert post.data["tags"] == [
            f"model:{OPUS}", f"model:{SONNET}", "models", "models-of:anthropic",
        ]  # fmt: skip
        found = await until(database, lambda found: found.webhook.position == newest)
        assert found.pending is None
        await asyncio.sleep(0.2)
        assert len(receiver.posts) == 1, "it arrived: it is not sent again"
        (delivery,) = await webhooks.list_deliveries(database, made.id, 10)
        assert (delivery.id, delivery.attempts, delivery.status) == (post.delivery, 1, 200)
        assert delivery.delivered_at


async def test_only_what_is_wanted_is_sent(engine: Engine, database: Database) -> None:
    wanted = ChangeFilter(kind=("model_changed",), model=OPUS)
    async with receiving() as receiver, dispatching(engine):
        await add(database, receiver, wanted)
        first = await edit(database, (SONNET, "One"))
        second = await edit(database, (OPUS, "Two"))
        await receiver.until(lambda: receiver.revisions == [second])
        last = await edit(database, (SONNET, "Three"))
        await until(database, lambda found: found.webhook.position == last)
        assert first < second
        assert len(receiver.posts) == 1


@pytest.mark.parametrize("kept", ["as it was", "as it is"])
async def test_a_database_that_was_restored(engine: Engine, database: Database, kept: str) -> None:
    """What changes from then on is delivered, though numbers are given again."""
    async with receiving() as receiver, dispatching(engine):
        await add(database, receiver)
        first = await edit(database, (SONNET, "One"))
        await receiver.until(lambda: receiver.revisions == [first])
        await edit(database, (SONNET, "Two"), (OPUS, "Three"))
        await receiver.until(lambda: len(receiver.revisions) == 3)
        await until(database, lambda found: found.webhook.position == first + 2)
        # What an older state of the same database looks like, with the webhook in it or without.
        undo = [f"DELETE FROM changes WHERE revision > {first}"]
        if kept == "as it was":
            undo.append(f"UPDATE webhooks SET position = {first}")
        if engine.name != "postgres":
            undo.append(f"UPDATE sqlite_sequence SET seq = {first} WHERE name = 'changes'")
        await database.batch(*(Statement("test", sql) for sql in undo))
        await until(database, lambda found: found.webhook.position == first)
        again = await edit(database, (SONNET, "Four"))
        assert again == first + 1
        await receiver.until(lambda: len(receiver.revisions) == 4)
        assert receiver.posts[-1].data["events"][0]["after"]["name"] == "Four"


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_and_order_is_kept_by_a_bad_receiver(
    engine: Engine, database: Database, seed: int
) -> None:
    chance = random.Random(seed)
    answers = [200, 200, 500, 503, "drop", "redirect", "hang"]
    wanted = ChangeFilter(table=("models",))
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(lambda _: chance.choice(answers)))
        made, secret = await add(database, receiver, wanted)
        begin = (await state(database)).webhook.position
        process = await stack.enter_async_context(AsyncExitStack())
        await process.enter_async_context(dispatching(engine, deadline=0.1))
        for turn in range(30):
            ids = chance.sample(MODELS, chance.randint(1, len(MODELS)))
            await edit(database, *((id, f"{turn} {id}") for id in ids))
            await asyncio.sleep(chance.random() * 0.05)
            if turn % 7 == 3:  # a restart in the middle
                await process.aclose()
                await process.enter_async_context(dispatching(engine, deadline=0.1))
        expected = await log(database, begin, wanted)
        receiver.behaviour = lambda _: 200
        await process.aclose()
        async with dispatching(engine):
            await receiver.until(lambda: receiver.revisions == expected)
        for post in receiver.posts:
            check_signature(post, secret)
            same = [one for one in receiver.posts if one.delivery == post.delivery]
            assert {one.body for one in same} == {post.body}, "a delivery stays what it was"
        firsts = list(dict.fromkeys(post.delivery for post in receiver.posts))
        order = [post.delivery for post in receiver.posts]
        assert order == sorted(order, key=firsts.index), "one after the other"
        assert any(post.answer != 200 for post in receiver.posts)
        assert made.id


async def test_a_crash_between_the_answer_and_its_record(
    engine: Engine, database: Database
) -> None:
    """The delivery comes again, under its id: at least once, and told apart."""
    async with receiving() as receiver:
        await add(database, receiver)

        async def crash(*_: Any) -> bool:
            raise RuntimeError("the process ends here")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("service.storage.deliveries.delivered", crash)
            async with dispatching(engine, lease=0.2):
                newest = await edit(database, (SONNET, "One"))
                await receiver.until(lambda: bool(receiver.posts))
        async with dispatching(engine):
            await receiver.until(lambda: len(receiver.posts) >= 2)
            await until(database, lambda found: found.pending is None)
        assert {post.delivery for post in receiver.posts} == {receiver.posts[0].delivery}
        assert receiver.revisions == [newest]


async def test_many_changes_come_in_batches(engine: Engine, database: Database) -> None:
    async with receiving() as receiver:
        await add(database, receiver)
        begin = (await state(database)).webhook.position
        for turn in range(60):
            await edit(database, *((id, f"{turn} {id}") for id in MODELS))
        async with dispatching(engine):
            expected = await log(database, begin)
            assert len(expected) == 300
            await receiver.until(lambda: receiver.revisions == expected)
        assert [len(post.revisions) for post in receiver.posts] == [BATCH] * 3


async def test_two_processes_one_runner(engine: Engine, database: Database) -> None:
    async with receiving() as receiver, AsyncExitStack() as stack:
        await add(database, receiver)
        runners = [
            await stack.enter_async_context(dispatching(engine, lease=4.0)) for _ in range(2)
        ]
        revisions = []
        for turn in range(40):
            revisions.append(await edit(database, (SONNET, f"Turn {turn}")))
            await asyncio.sleep(0.05)
        await receiver.until(lambda: receiver.revisions == revisions)
        assert len({post.delivery for post in receiver.posts}) == len(receiver.posts)
        assert sum(runner._poster is not None for runner in runners) == 1


async def test_another_process_takes_over(engine: Engine, database: Database) -> None:
    async with receiving() as receiver:
        await add(database, receiver)
        async with dispatching(engine, lease=1.0) as first:
            one = await edit(database, (SONNET, "One"))
            await receiver.until(lambda: receiver.revisions == [one])
            first.name = "lost"  # it forgets who it is, and so cannot give up its place
        held = await held_until(database)
        async with dispatching(engine, lease=3.0):
            two = await edit(database, (SONNET, "Two"))
            await receiver.until(lambda: receiver.revisions == [one, two])
            assert timestamp(now()) > held, "not before the place was free"
        assert await held_until(database) == "", "one that stops gives it up"
        async with dispatching(engine):
            three = await edit(database, (SONNET, "Three"))
            await receiver.until(lambda: receiver.revisions == [one, two, three])


async def test_a_stop_in_the_middle_of_taking_the_place(engine: Engine, database: Database) -> None:
    """It may have been given the place without having heard of it: it gives it up all the same."""
    given = asyncio.Event()
    hold = deliveries.hold

    async def unheard(*args: Any) -> bool:
        assert await hold(*args)
        given.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with receiving() as receiver:
        await add(database, receiver)
        newest = await edit(database, (SONNET, "One"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(deliveries, "hold", unheard)
            async with dispatching(engine, lease=600.0):
                await asyncio.wait_for(given.wait(), 60)
        async with dispatching(engine):
            await receiver.until(lambda: receiver.revisions == [newest])


async def test_state_of_failures_is_kept(engine: Engine, database: Database) -> None:
    async with receiving(lambda _: 500) as receiver:
        made, _ = await add(database, receiver)
        async with dispatching(engine):
            await edit(database, (SONNET, "One"))
            await receiver.until(lambda: len(receiver.posts) >= 3)
        found = await state(database)
        assert found.pending
        assert found.pending.attempts >= 2
        assert (found.pending.status, found.pending.error) == (500, "status 500: as told")
        assert found.pending.next_attempt_at
        assert found.webhook.failing_since
        assert found.webhook.paused_at is None
        receiver.behaviour = lambda _: 200
        await webhooks.resume(database, made.id, now())
        async with dispatching(engine):
            await receiver.until(lambda: bool(receiver.taken))
            await until(database, lambda found: found.webhook.failing_since is None)


async def test_a_clock_that_goes_back(engine: Engine, database: Database) -> None:
    async with receiving(lambda _: 500) as receiver:
        await add(database, receiver)
        async with dispatching(engine):
            await edit(database, (SONNET, "One"))
            await until(database, lambda found: found.webhook.failing_since is not None)
        receiver.behaviour = lambda _: 200
        async with dispatching(engine, clock=lambda: now() - datetime.timedelta(days=1)):
            await receiver.until(lambda: bool(receiver.taken))


@pytest.mark.parametrize(("answer", "days"), [(500, 0.1 / 86400), (410, 3.0)])
async def test_what_fails_for_too_long_is_paused(
    engine: Engine, database: Database, answer: int, days: float
) -> None:
    async with receiving(lambda _: answer) as receiver:
        made, _ = await add(database, receiver)
        looks = itertools.count()

        def clock() -> datetime.datetime:  # time passes between any two looks at it
            return now() + datetime.timedelta(milliseconds=next(looks))

        patience = datetime.timedelta(days=days)
        async with dispatching(engine, patience=patience, clock=clock):
            newest = await edit(database, (SONNET, "One"))
            await until(database, lambda found: found.webhook.paused_at is not None)
            count = len(receiver.posts)
            assert count == 1 if answer == 410 else count > 1
            missed = await edit(database, (SONNET, "Two"))
            await asyncio.sleep(0.3)
            assert len(receiver.posts) == count, "it is left alone"
        receiver.behaviour = lambda _: 200
        await webhooks.resume(database, made.id, now())
        async with dispatching(engine):
            await receiver.until(lambda: receiver.revisions == [newest, missed])


async def test_a_slow_receiver_holds_no_other_up(engine: Engine, database: Database) -> None:
    async with receiving(lambda _: "hang") as slow, receiving() as fast:
        await add(database, slow)
        await add(database, fast)
        async with dispatching(engine, deadline=600.0):
            revisions = []
            for turn in range(3):
                revisions.append(await edit(database, (SONNET, f"Turn {turn}")))
                await fast.until(lambda: fast.revisions == revisions)
            assert len(slow.posts) == 1


async def test_a_receiver_that_was_away(engine: Engine, database: Database) -> None:
    port = free_port()
    async with receiving(port=port) as receiver:
        await add(database, receiver)
    async with dispatching(engine):
        newest = await edit(database, (SONNET, "One"))
        found = await until(database, lambda found: bool(found.pending and found.pending.error))
        assert found.pending
        assert str(found.pending.error).startswith("cannot connect")
        async with receiving(port=port) as receiver:
            await receiver.until(lambda: receiver.revisions == [newest])


async def test_what_was_removed_hears_nothing(engine: Engine, database: Database) -> None:
    async with receiving(lambda _: 500) as receiver, dispatching(engine):
        made, _ = await add(database, receiver)
        await edit(database, (SONNET, "One"))
        await receiver.until(lambda: len(receiver.posts) >= 2)
        await webhooks.remove(database, made.id)
        count = len(receiver.posts)
        newest = await edit(database, (SONNET, "Two"))
        await asyncio.sleep(0.5)
        assert len(receiver.posts) <= count + 1, "at most the one that was under way"
        assert not any(newest in post.revisions for post in receiver.posts)
        assert await webhooks.list_webhooks(database) == []
        assert await webhooks.list_deliveries(database, None, 10) == []


async def test_old_deliveries_are_forgotten(
    engine: Engine, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.storage.deliveries.KEPT", 3)
    async with receiving() as receiver, dispatching(engine):
        made, _ = await add(database, receiver)
        for turn in range(8):
            await edit(database, (SONNET, f"Turn {turn}"))
            await receiver.until(lambda: len(receiver.posts) == turn + 1)  # noqa: B023
            await asyncio.sleep(0.02)
        kept = await webhooks.list_deliveries(database, made.id, 100)
        assert [one.id for one in kept][:3] == [post.delivery for post in receiver.posts[:-4:-1]]
        assert len(kept) <= 4


async def test_a_trial(database: Database) -> None:
    poster = Poster(1.0, anywhere=True)
    async with receiving() as receiver:
        made, secret = await add(database, receiver)
        assert (await webhooks.test(database, made.id, poster, encode)).status == 200
        (post,) = receiver.posts
        check_signature(post, secret)
        assert (post.data["events"], post.data["tags"]) == ([], [])
    await poster.close()


async def test_nothing_private_is_added(database: Database) -> None:
    for url in ("http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://[::1]"):
        with pytest.raises(InvalidRequest):
            await webhooks.add(database, url, ALL, now(), anywhere=False)
    assert await webhooks.list_webhooks(database) == []
    with pytest.raises(NotFound):
        await webhooks.remove(database, "nope")
    with pytest.raises(NotFound):
        await webhooks.resume(database, "nope", now())
    with pytest.raises(NotFound):
        await webhooks.list_deliveries(database, "nope", 1)
