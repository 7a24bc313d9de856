"""Many processes at one model, for real: nothing acknowledged is lost, nothing is doubled, no history forks."""

import multiprocessing
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from tests.concurrency import workers
from tests.contract.aws import use_fake_aws

from modelstore_core import ModelStore
from modelstore_core.testing.audit import audit
from modelstore_core.testing.s3_server import S3FaultKind, S3Server

PROCESSES, EACH = 8, 25


def in_processes(count: int, work: Callable[[int], list[int]]) -> list[list[int]]:
    """Run the work in so many new processes, all at once; what each of them was told."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, workers.ready, (spawn.Barrier(count),)) as pool:
        return [future.result(timeout=240) for future in [pool.submit(work, who) for who in range(count)]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def test_eight_processes_save_two_hundred_versions_without_gap_or_duplicate(url: str, weights: Path) -> None:
    told = in_processes(PROCESSES, partial(_save, url, str(weights), EACH))
    found = audit(ModelStore(url).storage, "m")

    assert sorted(number for numbers in told for number in numbers) == list(range(1, PROCESSES * EACH + 1))
    assert list(found.live) == list(range(1, PROCESSES * EACH + 1))
    assert len({entry["op_id"] for entry in found.entries}) == len(found.entries) == PROCESSES * EACH
    assert all(numbers == sorted(numbers) for numbers in told)


def test_eight_processes_move_one_alias_two_hundred_times_along_one_line(url: str, weights: Path) -> None:
    store = ModelStore(url)
    for _ in range(8):
        store.save(weights, "m")

    in_processes(PROCESSES, partial(_promote, url, EACH))

    moves = [e["op"] for e in audit(store.storage, "m").entries if e["op"]["kind"] == "set_alias"]
    assert [move["previous"] for move in moves] == [None, *(move["number"] for move in moves[:-1])]
    assert store.get("m@champion").number == moves[-1]["number"]
    keys = Counter(e["key"] for e in audit(store.storage, "m").entries if e["op"]["kind"] == "set_alias")
    assert max(keys.values()) == 1


def test_a_herd_of_first_saves_makes_one_store(url: str, weights: Path) -> None:
    told = in_processes(12, partial(_save, url, str(weights), 1))

    assert sorted(number for numbers in told for number in numbers) == list(range(1, 13))
    assert len(audit(ModelStore(url).storage, "m").entries) == 12


def test_racing_promotions_under_a_gate_never_replace_better_by_worse(url: str, weights: Path) -> None:
    store = ModelStore(url)
    for i in range(24):
        store.save(weights, "m", metrics={"auc": (i * 7 % 24) / 24})

    in_processes(4, partial(_promote_if_better, url))

    metrics = {v.number: v.metrics["auc"] for v in store.versions("m")}
    champions = [e.number for e in reversed(store.history("m")) if e.kind == "alias.moved"]
    assert [metrics[n] for n in champions] == sorted({metrics[n] for n in champions})
    assert metrics[champions[-1]] == max(metrics.values())
    audit(store.storage, "m")


def test_four_processes_save_through_a_server_that_fails_and_drops_replies(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fake_aws(monkeypatch, tmp_path)
    rates: dict[S3FaultKind, float] = {"drop_before": 0.03, "drop_after": 0.03, "503_after": 0.03, "conflict": 0.03}
    with S3Server(["models"], seed=7, rates=rates) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        told = in_processes(4, partial(_save, "s3://models/team", str(weights), 10))
        server.rates = {}
        found = audit(ModelStore("s3://models/team").storage, "m")

    assert sorted(number for numbers in told for number in numbers) == list(range(1, 41))
    assert list(found.live) == list(range(1, 41))


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


def _save(url: str, file: str, count: int, who: int) -> list[int]:
    return workers.save_many(url, file, who, count)


def _promote(url: str, count: int, who: int) -> list[int]:
    return workers.promote_many(url, who, count)


def _promote_if_better(url: str, who: int) -> list[int]:
    return workers.promote_if_better(url, who, [1 + (i * 5 + who * 6) % 24 for i in range(24)])
