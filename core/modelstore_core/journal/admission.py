"""Before the first write: is this a store we may write, and is create-if-absent real there?"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from modelstore_core.documents.sidecars import StoreDocument, read_store, write_store
from modelstore_core.errors import Corrupt, UnsafeStorage
from modelstore_core.model.json import Json
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Location, Storage

__all__ = ["Admission", "self_test", "stamp"]

_KEY = "store.json"
_RACERS, _ROUNDS = 16, 3


def stamp(ports: Ports) -> str:
    """The current time as records carry it."""
    return ports.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Admission:
    """The leave to write to a storage: looked up once a handle, and the storage tested where it never was.

    Args:
        storage: What is to be written.
        ports: Clock and randomness.
        writer: The release that writes, for the report.
        single_writer: Whether to write even where create-if-absent is not real.
    """

    def __init__(self, storage: Storage, ports: Ports, writer: str, *, single_writer: bool) -> None:
        self._storage = storage
        self._ports = ports
        self._writer = writer
        self._single_writer = single_writer
        self._asked: list[bytes | None] = []
        self._here: list[Location] = []
        self._document: StoreDocument | None = None
        self._looked = False
        self._granted = False

    def questions(self) -> list[Callable[[], object]]:
        """What `look` has to ask, as calls that are free to run side by side; none once it was asked."""
        asked: list[Callable[[], object]] = []
        if not self._asked:
            asked.append(lambda: self._asked.append(self._storage.get(_KEY)))
        if not self._here:
            asked.append(lambda: self._here.append(self._storage.location()))
        return asked

    def look(self) -> None:
        """Read what is known of the storage; writes nothing.

        Raises:
            StoreTooNew: The store is of a later format.
        """
        if self._looked:
            return
        self._storage.together(self.questions())
        raw = self._asked[0]
        if raw is not None:
            self._document = read_store(raw)
            test = self._document.self_test
            here = test.get("location") == asdict(self._here[0])
            self._granted = here and (test.get("passed") is True or self._single_writer)
        self._looked = True

    def ensure(self) -> None:
        """Make sure, before the first object is written, that the storage may be written.

        Raises:
            UnsafeStorage: Create-if-absent is not real there, and `single_writer` was not asked for.
            StoreTooNew: The store is of a later format.
        """
        self.look()
        if self._granted:
            return
        failure = self_test(self._storage, self._ports)
        if failure and not self._single_writer:
            raise UnsafeStorage(
                f"{self._storage.url} cannot hold a store: {failure}",
                value=self._storage.url,
                fix="Use one that honours If-None-Match; or single_writer=True (`--single-writer`), with one writer.",
            )
        self._report(passed=not failure)
        self._granted = True

    def _report(self, *, passed: bool) -> None:
        time, known = stamp(self._ports), self._document
        location: Mapping[str, Json] = asdict(self._here[0])
        document = StoreDocument(
            id=self._ports.token() if known is None else known.id,
            created_at=time if known is None else known.created_at,
            features=(),
            self_test={"location": dict(location), "passed": passed, "time": time, "writer": self._writer},
        )
        _write(self._storage, document, existed=known is not None)


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
