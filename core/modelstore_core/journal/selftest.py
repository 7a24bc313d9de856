"""Does a storage keep the promises that commits rest on? Tried on it, through lost replies and busy moments."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from modelstore_core.errors import StorageUnavailable
from modelstore_core.journal.patience import Patience
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["owner_of", "patiently", "self_test"]

T = TypeVar("T")

_RACERS, _ROUNDS = 16, 3


def self_test(storage: Storage, ports: Ports, seconds: float) -> str:
    """What of the promises is broken, or "" if nothing is; what was written for it is deleted again.

    Raises:
        StorageUnavailable: The storage did not answer for that many seconds.
    """
    keys: list[str] = []
    prefix = f"self-test/{ports.token()}/"
    patience = Patience(ports, seconds)

    def fresh() -> str:
        keys.append(f"{prefix}{len(keys)}")
        return keys[-1]

    try:
        failure = _exclusive(storage, fresh(), patience) or _visible(storage, keys[0], prefix, patience)
        for _ in range(_ROUNDS):
            failure = failure or _raced(storage, fresh, patience)
    finally:
        patiently(partial(storage.delete, keys), patience)
    return failure


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


def _visible(storage: Storage, key: str, prefix: str, patience: Patience) -> str:
    patiently(partial(storage.put, key, b"overwritten\n"), patience)
    if patiently(partial(storage.get, key), patience) != b"overwritten\n":
        return "an overwrite is not seen by the next read."
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
