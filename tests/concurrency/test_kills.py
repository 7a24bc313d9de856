"""SIGKILL in the middle of whatever a process does, again and again in one store."""

import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.concurrency.doomed import step

from modelstore_core import ModelStore
from modelstore_core.testing.audit import audit

KILLS = 20


def killed(url: str, weights: Path, first: int, seconds: float) -> dict[int, int]:
    """Let a process do one step after the other until it is killed; those that it was told about, and what."""
    command = [sys.executable, "-m", "tests.concurrency.doomed", url, str(weights), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        lines += process.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith("\n")]
    return {int(number): int(about) for number, about in whole}


def test_what_was_told_before_twenty_kills_is_there_and_every_step_was_done_once(tmp_path: Path, weights: Path) -> None:
    url, moments = str(tmp_path / "store"), random.Random(42)
    told: dict[int, int] = {}
    for _ in range(KILLS):
        told |= killed(url, weights, len(told), moments.random() / 20)
        audit(ModelStore(url).storage, "m")
    store = ModelStore(url)
    again = {number: step(store, weights, number) for number in range(len(told) + 1)}

    assert list(told) == list(range(len(told)))
    assert {number: again[number] for number in told} == told
    found = audit(store.storage, "m")
    keys = [entry["key"] for entry in found.entries]
    assert sorted(keys) == sorted(set(keys))
    assert found.live == [*range(1, sum(number % 6 in {0, 3} for number in again) + 1)]
