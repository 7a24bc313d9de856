"""Before the first write: is this a store we may write, and is create-if-absent real there?"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from modelstore_core.documents.sidecars import StoreDocument, read_store, write_store
from modelstore_core.errors import UnsafeStorage
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.selftest import owner_of, patiently, self_test
from modelstore_core.model.json import Json
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Location, Storage

__all__ = ["Admission", "stamp"]

_KEY = "store.json"


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
        patience: Seconds that one step may take under errors.
    """

    def __init__(self, storage: Storage, ports: Ports, writer: str, *, single_writer: bool, patience: float) -> None:
        self._storage = storage
        self._ports = ports
        self._writer = writer
        self._single_writer = single_writer
        self._patience = patience
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
        failure = self_test(self._storage, self._ports, self._patience)
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
        patience = Patience(self._ports, self._patience)
        if known is not None:
            patiently(partial(self._storage.put, _KEY, write_store(document)), patience)
        else:  # if another first writer is faster, its document must be one that we can write under
            read_store(owner_of(self._storage, _KEY, write_store(document), patience))
