"""Many processes at one model, for real: nothing acknowledged is lost, nothing is doubled, no history forks."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import pytest
from tests.concurrency import workers
from tests.concurrency.conftest import PLACES, in_bucket
from tests.conftest import Tell
from tests.properties.effort import SOAK, takes

from modelstore_core import AtLeast, Improves, ModelStore, UnsafeStorage
from modelstore_core.testing.audit import audit
from modelstore_core.testing.linear import Call, Placed, check_linear

T = TypeVar("T")

PROCESSES, EACH, HERD, RULED = 8, 50 * (SOAK or 1), 24, 24


def in_processes(count: int, work: Callable[[int], T]) -> list[T]:
    """Run the work in so many new processes, all at once; what each of them was told."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([workers.__name__])
    begin = (processes.Barrier(count), dict(os.environ))
    with ProcessPoolExecutor(count, processes, workers.ready, begin) as pool:
        return [future.result() for future in [pool.submit(work, who) for who in range(count)]]


def one_line(store: ModelStore, told: list[list[Call]], prepared: int = 0) -> Placed:
    """Hold what the processes were told, and what was saved before them, against the log."""
    before = [Call(begun=0, ended=0, key=f"prepared/{number}", number=number) for number in range(1, prepared + 1)]
    found = audit(store.storage, "m")
    placed = check_linear(found.entries, [*before, *chain(*told)])
    assert list(found.live) == list(range(1, len(found.live) + 1))
    return placed


@takes(minutes=15)
def test_eight_processes_save_without_gap_or_duplicate(store: ModelStore, weights: Path, tell: Tell) -> None:
    told = in_processes(PROCESSES, partial(workers.save, store, str(weights), EACH))

    tell(f"{PROCESSES} times {EACH} saves: {one_line(store, told)}")
    assert sorted(call.number or 0 for call in chain(*told)) == list(range(1, PROCESSES * EACH + 1))


@takes(minutes=15)
def test_eight_processes_move_one_alias_along_one_line(store: ModelStore, weights: Path, tell: Tell) -> None:
    for number in range(1, 9):
        store.save(weights, "m", key=f"prepared/{number}")

    told = in_processes(PROCESSES, partial(workers.promote, store, 8, EACH))

    placed = one_line(store, told, prepared=8)
    done = [call for call in chain(*told) if call.key and not call.refused]
    tell(f"{PROCESSES} times {EACH} promotions, {len(done)} acknowledged: {placed}")
    assert len(done) == PROCESSES * EACH
    assert placed.committed + placed.looked == 8 + sum(map(len, told))
    assert placed.committed > 8 + len(done) * 2 // 3
    moves = [e["op"] for e in audit(store.storage, "m").entries if e["op"]["kind"] == "set_alias"]
    assert store.get("m@champion").number == moves[-1]["number"]


@takes(minutes=15)
def test_a_herd_of_first_saves_makes_one_store(store: ModelStore, weights: Path, tell: Tell) -> None:
    told = in_processes(HERD, partial(workers.save, store, str(weights), 1))

    tell(f"{HERD} times 1 first saves: {one_line(store, told)}")
    assert sorted(call.number or 0 for call in chain(*told)) == list(range(1, HERD + 1))


@pytest.mark.soak
def test_a_bucket_of_ceph_with_versioning_is_refused_at_the_first_write(ceph: str, weights: Path) -> None:
    """With versioning on, its create-if-absent overwrites."""
    with pytest.raises(UnsafeStorage, match="commits would overwrite one another"):
        in_bucket(ceph, versioned=True).save(weights, "m")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def test_racing_promotions_under_a_gate_never_replace_better_by_worse(url: str, weights: Path) -> None:
    store = ModelStore(url)
    for i in range(24):
        store.save(weights, "m", metrics={"auc": (i * 7 % 24) / 24})

    in_processes(4, partial(workers.promote_if_better, store))

    metrics = {v.number: v.metrics["auc"] for v in store.versions("m")}
    champions = [e.number or 0 for e in reversed(store.history("m")) if e.kind == "alias.moved"]
    assert [metrics[n] for n in champions] == sorted({metrics[n] for n in champions})
    assert metrics[champions[-1]] == max(metrics.values())
    audit(store.storage, "m")


@pytest.mark.parametrize("place", ["folder", "faulty S3"])
@takes(minutes=15)
def test_eight_processes_cannot_slip_a_worse_model_past_the_rules_of_an_alias(
    request: pytest.FixtureRequest, weights: Path, tell: Tell, place: str
) -> None:
    with PLACES[place](request) as store:
        scores = [(i * 7 % RULED) / RULED for i in range(RULED)]
        for auc in scores:
            store.save(weights, "m", metrics={"auc": auc})
        store.protect("m", "champion", [Improves("auc"), AtLeast("auc", 0.25)])

        passed = in_processes(PROCESSES, partial(workers.promote_under_rules, store, RULED))

        found = audit(store.storage, "m")
    moves = [entry["op"] for entry in found.entries if entry["op"]["kind"] == "set_alias"]
    champions = [scores[op["number"] - 1] for op in moves]
    refused = sum(entry["op"]["kind"] == "refuse_alias" for entry in found.entries)
    tell(f"{PROCESSES} times {RULED} promotions in {place}: {len(champions)} moved the alias, {refused} were refused")
    assert champions == sorted(set(champions))
    assert min(champions) >= 0.25
    assert champions[-1] == max(scores)
    assert sorted(op["number"] for op in moves) == sorted({number for told in passed for number in told})
    assert all([one["passed"] for one in op["evidence"]] == [True, True] for op in moves)


@pytest.fixture
def doomed(url: str, weights: Path) -> Iterator["subprocess.Popen[str]"]:
    call = f"from tests.concurrency.workers import save_for_ever; save_for_ever({url!r}, {str(weights)!r})"
    with subprocess.Popen([sys.executable, "-c", call], stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("after", [1, 2, 5, 9, 14])
def test_a_killed_process_loses_nothing_and_its_step_ends_with_one_version(
    url: str, weights: Path, doomed: "subprocess.Popen[str]", after: int
) -> None:
    assert doomed.stdout is not None
    told = [int(doomed.stdout.readline()) for _ in range(after)]
    doomed.kill()
    told += [int(line) for line in doomed.stdout.read().split()]

    store = ModelStore(url)
    again = [store.save(weights, "m", key=f"doomed/{i}").number for i in range(len(told) + 2)]

    assert told == list(range(1, len(told) + 1))
    assert again == list(range(1, len(told) + 3))
    assert list(audit(store.storage, "m").live) == again
