"""Before the first write: is this a store we may write, and is create-if-absent real there?"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial

from modelstore_core.documents.sidecars import StoreDocument, read_store, write_store
from modelstore_core.errors import Corrupt, UnsafeStorage
from modelstore_core.model.json import Json
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["admit", "self_test", "stamp"]

_KEY = "store.json"
_RACERS, _ROUNDS = 16, 3


def stamp(ports: Ports) -> str:
    """The current time as records carry it."""
    return ports.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def admit(storage: Storage, ports: Ports, writer: str, *, single_writer: bool) -> None:
    """Make sure that the storage may be written, testing it if it was not tested where it is now.

    Raises:
        UnsafeStorage: Create-if-absent is not real there, and `single_writer` was not asked for.
        StoreTooNew: The store is of a later format.
    """
    raw = storage.get(_KEY)
    document = None if raw is None else read_store(raw)
    location: Mapping[str, Json] = asdict(storage.location())
    if document is not None and document.self_test.get("location") == location:
        tested = document.self_test.get("passed") is True
        if tested or single_writer:
            return
    failure = self_test(storage, ports)
    if failure and not single_writer:
        raise UnsafeStorage(
            f"{storage.url} cannot hold a store: {failure}",
            value=storage.url,
            fix="Use a storage that honours If-None-Match, or single_writer=True and never write from two places.",
        )
    time = stamp(ports)
    updated = StoreDocument(
        id=ports.token() if document is None else document.id,
        created_at=time if document is None else document.created_at,
        features=(),
        self_test={"location": dict(location), "passed": not failure, "time": time, "writer": writer},
    )
    _write(storage, updated, existed=document is not None)


def _write(storage: Storage, document: StoreDocument, *, existed: bool) -> None:
    if existed:
        storage.put(_KEY, write_store(document))
        return
    if not storage.create(_KEY, write_store(document)):
        raw = storage.get(_KEY)  # another first writer was faster: its document must be one we can write under
        if raw is None:
            raise Corrupt("store.json can be neither created nor read.", value=storage.url, fix="Check the storage.")
        read_store(raw)


def self_test(storage: Storage, ports: Ports) -> str:
    """Try the promises that commits rest on; what is broken, or "" if nothing is."""
    prefix = f"self-test/{ports.token()}/"
    keys = [f"{prefix}{name}" for name in ("once", *(f"race-{i}" for i in range(_ROUNDS)))]
    try:
        return _exclusive(storage, keys[0]) or _visible(storage, keys[0], prefix) or _raced(storage, keys[1:])
    finally:
        storage.delete(keys)


def _exclusive(storage: Storage, key: str) -> str:
    if not storage.create(key, b"first\n"):
        return "a create of a free key says that the key is taken."
    if storage.create(key, b"second\n"):
        return "a second create of the same key succeeds, so commits would overwrite one another."
    if storage.get(key) != b"first\n":
        return "a refused create changed the object all the same."
    return ""


def _visible(storage: Storage, key: str, prefix: str) -> str:
    storage.put(key, b"overwritten\n")
    if storage.get(key) != b"overwritten\n":
        return "an overwrite is not seen by the next read."
    if key not in {info.key for info in storage.list(prefix)}:
        return "a new object is not seen by the next listing."
    return ""


def _raced(storage: Storage, keys: list[str]) -> str:
    for key in keys:
        bodies = [f"racer {i}\n".encode() for i in range(_RACERS)]
        won = storage.together([partial(storage.create, key, body) for body in bodies])
        if won.count(True) != 1:
            return f"{won.count(True)} of {_RACERS} concurrent creates of one key succeeded."
        if storage.get(key) != bodies[won.index(True)]:
            return "the object of a raced create is not the winner's."
    return ""
