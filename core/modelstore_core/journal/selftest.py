"""Does a storage keep the promises that commits rest on? Tried on it, through lost replies and busy moments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from modelstore_core.errors import StorageUnavailable
from modelstore_core.journal.patience import Patience
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["Trial", "owner_of", "patiently", "self_test", "trials"]

T = TypeVar("T")

_RACERS, _ROUNDS = 16, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One promise that was tried, and how it is broken ("" if it is kept)."""

    name: str
    failure: str


def self_test(storage: Storage, ports: Ports, seconds: float) -> str:
    """What of the promises is broken, or "" if nothing is; what was written for it is deleted again.

    Raises:
        StorageUnavailable: The storage did not answer for that many seconds.
    """
    keys: list[str] = []
    patience = Patience(ports, seconds)
    try:
        return next(
            (t.failure for t in trials(storage, f"self-test/{ports.token()}/", keys, patience) if t.failure), ""
        )
    finally:
        patiently(partial(storage.delete, keys), patience)


def trials(storage: Storage, prefix: str, keys: list[str], patience: Patience) -> Iterator[Trial]:
    """Try the promises one by one, below the prefix; every key is told before it is written, for who deletes them.

    After a broken promise the others mean little: whoever asks may stop there.

    Raises:
        StorageError: The storage did not let it be tried.
    """

    def fresh() -> str:
        keys.append(f"{prefix}{len(keys)}")
        return keys[-1]

    key = fresh()
    yield Trial(name="create-if-absent", failure=_exclusive(storage, key, patience))
    yield Trial(name="overwrite", failure=_overwritten(storage, key, patience))
    yield Trial(name="list after write", failure=_listed(storage, key, prefix, patience))
    raced = ""
    for _ in range(_ROUNDS):
        raced = raced or _raced(storage, fresh, patience)
    yield Trial(name="concurrent creates", failure=raced)


def patiently(call: Callable[[], T], patience: Patience) -> T:
    """The call's result, tried again while the storage is unavailable; only for what may be done twice."""
    while True:
        try:
            return call()
        except StorageUnavailable:
            if patience.spent():
                raise
        patience.wait()


def owner_of(storage: Storage, key: str, body: bytes, patience: Patience) -> bytes:
    """Create the object until something stands there; what that is."""

    def offer() -> bytes:
        there = body if storage.create(key, body) else storage.get(key)
        if there is None:  # "taken", said of a free key
            raise StorageUnavailable(f"{key!r} seems neither free nor taken.", value=key, fix="Try again later.")
        return there

    return patiently(offer, patience)


def _exclusive(storage: Storage, key: str, patience: Patience) -> str:
    if owner_of(storage, key, b"first\n", patience) != b"first\n":
        return "a create of a free key leaves another body there."
    if owner_of(storage, key, b"second\n", patience) == b"second\n":
        return "a second create of the same key succeeds, so commits would overwrite one another."
    if patiently(partial(storage.get, key), patience) != b"first\n":
        return "a refused create changed the object all the same."
    return ""


def _overwritten(storage: Storage, key: str, patience: Patience) -> str:
    patiently(partial(storage.put, key, b"overwritten\n"), patience)
    if patiently(partial(storage.get, key), patience) != b"overwritten\n":
        return "an overwrite is not seen by the next read."
    return ""


def _listed(storage: Storage, key: str, prefix: str, patience: Patience) -> str:
    if key not in patiently(lambda: {info.key for info in storage.list(prefix)}, patience):
        return "a new object is not seen by the next listing."
    return ""


def _raced(storage: Storage, fresh: Callable[[], str], patience: Patience) -> str:
    there, key = None, ""
    while there is None:  # until one of the racers got through
        key = fresh()
        bodies = [f"racer {i}\n".encode() for i in range(_RACERS)]
        won = storage.together([partial(_create, storage, key, body) for body in bodies])
        there = patiently(partial(storage.get, key), patience)
        if there is None and patience.spent():
            raise StorageUnavailable(f"No create of {key!r} got through.", value=key, fix="Try again later.")
    if won.count(True) > 1:
        return f"{won.count(True)} of {_RACERS} concurrent creates of one key succeeded."
    if there not in bodies or (True in won and there != bodies[won.index(True)]):
        return "the object of a raced create is not the winner's."
    return ""


def _create(storage: Storage, key: str, body: bytes) -> bool | None:
    """Whether the create succeeded; None if the reply was lost."""
    try:
        return storage.create(key, body)
    except StorageUnavailable:
        return None
