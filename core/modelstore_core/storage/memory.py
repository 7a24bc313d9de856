"""A storage in this process's memory: for tests, notebooks and as the reference every other backend is held to."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from modelstore_core.storage.calls import one_by_one
from modelstore_core.storage.files import fetched_file, hash_to, open_source, typed_errors
from modelstore_core.storage.keys import check_key, check_prefix
from modelstore_core.storage.protocol import Location, ObjectInfo, Passed, Received, Storage, unwatched

T = TypeVar("T")

__all__ = ["MemoryStorage"]


@dataclass(slots=True)
class _Space:
    """The objects of one name, and the lock that makes every operation on them atomic."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    objects: dict[str, tuple[bytes, ObjectInfo]] = field(default_factory=dict)
    writes: int = 0


_spaces: dict[str, _Space] = {}


class MemoryStorage:
    """Bytes under keys in this process: handles of one name see the same objects, as long as the process lives.

    A handle pickles as its name. In another process that name is another, empty storage.
    """

    def __init__(self, name: str = "") -> None:
        self.name = check_key(name) if name else ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def url(self) -> str:
        """`memory://` and the name."""
        return f"memory://{self.name}"

    def location(self) -> Location:
        """The name as the container; there is no versioning in memory."""
        return Location(scheme="memory", endpoint="", container=self.name, prefix="", versioning="off")

    @property
    def _space(self) -> _Space:
        # Looked up by name each time, so that a handle holds nothing but its name; setdefault is atomic.
        return _spaces.get(self.name) or _spaces.setdefault(self.name, _Space())

    def get(self, key: str) -> bytes | None:
        """The object's bytes, or None."""
        found = self._space.objects.get(check_key(key))
        return found[0] if found else None

    def create(self, key: str, body: bytes) -> bool:
        """Write the object if the key is free; atomic under one lock."""
        check_key(key)
        space = self._space
        with space.lock:
            if key in space.objects:
                return False
            self.put(key, body)
            return True

    def put(self, key: str, body: bytes) -> None:
        """Write or overwrite the object; atomic under one lock."""
        check_key(key)
        space = self._space
        with space.lock:
            space.writes += 1
            info = ObjectInfo(key=key, size=len(body), etag=str(space.writes), modified=time.time())
            space.objects[key] = (bytes(body), info)

    def send(self, key: str, source: Path, passed: Passed = unwatched) -> Received:
        """Keep the file's bytes."""
        check_key(key)
        with typed_errors("read", source), open_source(source) as file:
            body = file.read()
        self.put(key, body)
        return hash_to([body], passed=passed)

    def fetch(self, key: str, target: Path, passed: Passed = unwatched) -> Received | None:
        """Write the object's bytes to a new file."""
        body = self.get(key)
        if body is None:
            return None
        with typed_errors("write", target), fetched_file(target) as file:
            return hash_to([body], file, passed)

    def copy(self, source: str, target: str, sha256: str, *, origin: Storage | None = None) -> bool:
        """Keep the same bytes under another key."""
        check_key(source)
        check_key(target)
        home = self if origin is None else origin
        body = home.get(source) if isinstance(home, MemoryStorage) else None
        if body is None or hashlib.sha256(body).hexdigest() != sha256:
            return False
        self.put(target, body)
        return True

    def sweep(self, prefix: str, before: float, *, dry_run: bool) -> Sequence[ObjectInfo]:  # noqa: ARG002
        """Nothing: no write is ever half done."""
        check_prefix(prefix)
        return ()

    def delete(self, keys: Iterable[str]) -> None:
        """Forget the objects."""
        space = self._space
        doomed = [check_key(key) for key in keys]
        with space.lock:
            for key in doomed:
                space.objects.pop(key, None)

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """The objects there were when the listing began."""
        check_prefix(prefix)
        space = self._space
        with space.lock:
            infos = [info for key, (_, info) in space.objects.items() if key.startswith(prefix)]
        return iter(infos)

    def together(self, calls: Sequence[Callable[[], T]]) -> Sequence[T]:
        """Run the calls one by one: there is nothing to wait for."""
        return one_by_one(calls)

    def local_path(self, key: str) -> Path | None:
        """None: these bytes are in no file."""
        check_key(key)
        return None

    def settle(self, keys: Sequence[str]) -> None:
        """Nothing to do."""
