"""How far a sensor has read: small for Dagster, whole for the store, and never half of each."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest

from dagster_modelstore import places


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """One that keeps its tables in files, as `dagster dev` does."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as found:
        yield found


def feed(models: int, seed: int = 0) -> str:
    """What the store's cursor for so many models is like, with the etags of a bucket."""
    rand = random.Random(seed)
    seen = {f"team{n % 30}.model-{n:05}": [f'"{rand.randbytes(16).hex()}"', n % 300] for n in range(models)}
    return base64.urlsafe_b64encode(json.dumps(seen, sort_keys=True, separators=(",", ":")).encode()).decode()


def test_a_short_one_stands_in_the_cursor_itself(instance: dg.DagsterInstance) -> None:
    cursor = places.kept(instance, places.read(instance, None), feed(3))

    assert "feed" in json.loads(cursor)
    assert places.read(instance, cursor) == places.Place(feed=feed(3))


def test_one_of_ten_thousand_models_takes_a_hundred_characters_of_each_tick(
    instance: dg.DagsterInstance, tell: Callable[[str], None]
) -> None:
    cursor = places.kept(instance, places.read(instance, None), feed(10_000))

    assert places.read(instance, cursor).feed == feed(10_000)
    assert len(cursor) < 150
    tell(f"{len(feed(10_000)):,} characters of the store's cursor, {len(cursor)} of the sensor's")


def test_it_grows_and_shrinks(instance: dg.DagsterInstance) -> None:
    cursor = None
    for seed, models in enumerate((2_000, 100, 4_000, 6_000, 2, 3_000)):
        cursor = places.kept(instance, places.read(instance, cursor), feed(models, seed))
        assert places.read(instance, cursor).feed == feed(models, seed)


def test_a_tick_that_was_interrupted_finds_what_it_began_with(instance: dg.DagsterInstance) -> None:
    before = places.kept(instance, places.read(instance, None), feed(1_000))
    for seed in (1, 2, 3):
        places.kept(instance, places.read(instance, before), feed(1_000, seed))

    assert places.read(instance, before).feed == feed(1_000)


def test_two_sensors_do_not_meet(instance: dg.DagsterInstance) -> None:
    cursors = [places.kept(instance, places.read(instance, None), feed(1_000, seed)) for seed in (1, 2)]

    assert [places.read(instance, cursor).feed for cursor in cursors] == [feed(1_000, 1), feed(1_000, 2)]


def test_a_cursor_that_was_put_back_two_ticks_is_known_to_be_lost(instance: dg.DagsterInstance) -> None:
    first = cursor = places.kept(instance, places.read(instance, None), feed(1_000))
    for seed in (1, 2):
        cursor = places.kept(instance, places.read(instance, cursor), feed(1_000, seed))

    found = places.read(instance, first)
    assert (found.feed, found.lost) == (None, True)
