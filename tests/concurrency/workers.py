"""What a process does that races with others for one model."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.synchronize import Barrier
from pathlib import Path

import boto3  # noqa: F401 -- imported once, by the process that the racing ones are forked from
import obstore.store  # noqa: F401

from modelstore_core import ANY, AliasConflict, AliasNotFound, GateRefused, Improves, ModelStore
from modelstore_core.formats import folders  # noqa: F401
from modelstore_core.registry.decisions import Expectation
from modelstore_core.storage import azure, s3  # noqa: F401
from modelstore_core.testing.linear import Call

_start: list[Barrier] = []


def ready(barrier: Barrier, environ: Mapping[str, str]) -> None:
    """Take over the environment, and remember what all of a pool wait for before they begin."""
    os.environ |= environ
    _start.append(barrier)


def save(store: ModelStore, file: str, count: int, who: int) -> list[Call]:
    """Save the file so many times, each under a key; every call as it was answered."""
    _start[0].wait(120)
    return [_save(store, file, f"{who}/{i}") for i in range(count)]


def promote(store: ModelStore, versions: int, count: int, who: int) -> list[Call]:
    """Point one alias to versions by turns so many times: whatever it points to, or only if it is where it was seen."""
    _start[0].wait(120)
    calls: list[Call] = []
    for i in range(count):
        number = 1 + (who * 3 + i) % versions
        if i % 2:
            calls.append(_promote(store, number, f"{who}/{i}", ANY))
            continue
        refused = True
        while refused:  # somebody was faster: look again
            calls.append(_look(store))
            calls.append(_promote(store, number, f"{who}/{i} at {len(calls)}", calls[-1].number))
            refused = calls[-1].refused
    return calls


def _save(store: ModelStore, file: str, key: str) -> Call:
    begun = time.monotonic()
    number = store.save(Path(file), "m", key=key).number
    return Call(begun=begun, ended=time.monotonic(), key=key, number=number)


def _look(store: ModelStore) -> Call:
    begun, number = time.monotonic(), None
    with suppress(AliasNotFound):
        number = store.get("m@champion").number
    return Call(begun=begun, ended=time.monotonic(), alias="champion", number=number)


def _promote(store: ModelStore, number: int, key: str, expect: Expectation) -> Call:
    begun, refused = time.monotonic(), False
    try:
        store.promote(f"m@{number}", "champion", key=key, expect=expect)
    except AliasConflict:
        refused = True
    return Call(
        begun=begun,
        ended=time.monotonic(),
        key=key,
        alias="champion",
        number=number,
        expect=expect,
        refused=refused,
    )


def promote_if_better(store: ModelStore, who: int) -> list[int]:
    """Ask for each of 24 versions in an order of one's own to become champion; those that were let pass."""
    _start[0].wait(120)
    passed = []
    for number in [1 + (i * 5 + who * 6) % 24 for i in range(24)]:
        try:
            store.promote(f"m@{number}", "champion", gates=[Improves("auc")])
        except GateRefused:
            continue
        passed.append(number)
    return passed


def promote_under_rules(store: ModelStore, versions: int, who: int) -> list[int]:
    """Ask for each version in an order of one's own, with no gate but the alias's rules; those that were let pass."""
    _start[0].wait(120)
    passed = []
    for number in [1 + (i * 5 + who * 3) % versions for i in range(versions)]:
        try:
            passed.append(store.promote(f"m@{number}", "champion", key=f"{who}/{number}").number)
        except GateRefused:
            continue
    return passed


def save_for_ever(url: str, file: str) -> None:
    """Save until killed, and say each number that was acknowledged."""
    store = ModelStore(url)
    for i in range(10_000):
        print(store.save(Path(file), "m", key=f"doomed/{i}").number, flush=True)
