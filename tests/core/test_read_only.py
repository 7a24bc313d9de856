"""Stores that are only to be read: what writes refuses, and what reads works where nothing can be written."""

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tests.contract.aws import use_fake_aws
from tests.needs import program

from modelstore_core import ModelStore, StorageDenied, StoreReadOnly
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.readonly import ReadOnlyStorage, underlying
from modelstore_core.testing.counting import CountingStorage
from modelstore_core.testing.s3_server import S3FaultKind, S3Server
from modelstore_core.testing.stores import store_over

WRITES: Mapping[str, Callable[[ModelStore], object]] = {
    "save": lambda s: s.save({"w": 1}, "m", format="pickle"),
    "promote": lambda s: s.promote("m@1", "other"),
    "rollback": lambda s: s.rollback("m", "champion"),
    "unalias": lambda s: s.unalias("m", "champion"),
    "annotate": lambda s: s.annotate("m", tags={"a": "b"}),
    "delete": lambda s: s.delete("m@2"),
    "restore": lambda s: s.restore("m@2"),
    "copy": lambda s: s.copy("m", s, name="n"),
    "collect": lambda s: s.collect(),
    "maintain": lambda s: s.maintain(),
    "prune": lambda s: s.prune(keep=1),
    "repair": lambda s: s.verify(repair=True),
}
READS: Mapping[str, Callable[[ModelStore], object]] = {
    "load": lambda s: s.load("m@champion"),
    "path": lambda s: [path.read_bytes() for path in s.load("m@champion", as_="path").iterdir()],
    "get": lambda s: s.get("m@2"),
    "models": lambda s: s.models(),
    "versions": lambda s: s.versions("m"),
    "history": lambda s: s.history("m"),
    "compare": lambda s: s.compare("m@1", "m@2"),
    "changes": lambda s: s.changes(),
    "verify": lambda s: s.verify(read_data=True).problems,
    "what would be collected": lambda s: s.collect(dry_run=True),
    "what would be pruned": lambda s: s.prune(keep=1, dry_run=True),
}


@pytest.fixture
def filled(url: str) -> ModelStore:
    """A store with two versions and an alias."""
    store = ModelStore(url, trust="full")
    fill(store)
    return store


def fill(store: ModelStore) -> None:
    for weight in (1, 2):
        store.save({"w": weight}, "m", format="pickle", metrics={"auc": weight})
    for number in (2, 1):
        store.promote(f"m@{number}", "champion")


@pytest.mark.parametrize("verb", WRITES)
def test_what_writes_refuses_before_anything_is_asked(tmp_path: Path, verb: str) -> None:
    memory = MemoryStorage(f"read-only-{tmp_path.name}")
    fill(store_over(memory))
    counting = CountingStorage(memory)
    with pytest.raises(StoreReadOnly, match="opened to be read only") as caught:
        WRITES[verb](store_over(ReadOnlyStorage(counting)))

    assert counting.requests == ()
    assert caught.value.fix.startswith("Nothing was written.")


@pytest.mark.parametrize("verb", READS)
def test_what_reads_answers_as_ever(filled: ModelStore, url: str, verb: str) -> None:
    before = {info.key: info.etag for info in filled.storage.list("")}
    store = ModelStore(url, trust="full", read_only=True)

    assert READS[verb](store) == READS[verb](filled)
    assert {info.key: info.etag for info in filled.storage.list("")} == before


def test_it_stays_read_only_in_another_process(filled: ModelStore, url: str) -> None:
    store = pickle.loads(pickle.dumps(ModelStore(url, read_only=True)))

    with pytest.raises(StoreReadOnly):
        store.promote("m@2", "champion")


STORAGE_WRITES: Mapping[str, Callable[[ReadOnlyStorage, Path], object]] = {
    "create": lambda s, file: s.create("a", b"1"),
    "put": lambda s, file: s.put("a", b"1"),
    "send": lambda s, file: s.send("a", file),
    "copy": lambda s, file: s.copy("store.json", "a", ""),
    "delete": lambda s, file: s.delete(["a"]),
    "settle": lambda s, file: s.settle(["a"]),
    "sweep": lambda s, file: s.sweep("models/", 0, dry_run=False),
}


@pytest.mark.parametrize("verb", STORAGE_WRITES)
def test_no_write_passes_the_storage(filled: ModelStore, verb: str, tmp_path: Path) -> None:
    """Whatever is written above it some day."""
    with pytest.raises(StoreReadOnly):
        STORAGE_WRITES[verb](ReadOnlyStorage(filled.storage), tmp_path)


def test_every_read_passes_the_storage(filled: ModelStore, tmp_path: Path) -> None:
    inner, storage = filled.storage, ReadOnlyStorage(filled.storage)

    assert (storage.url, storage.location(), repr(storage)) == (
        inner.url,
        inner.location(),
        f"ReadOnlyStorage({inner!r})",
    )
    assert storage.get("store.json") == inner.get("store.json")
    assert storage.fetch("store.json", tmp_path / "a") == inner.fetch("store.json", tmp_path / "b")
    assert sorted(info.key for info in storage.list("")) == sorted(info.key for info in inner.list(""))
    assert storage.together([lambda: 1, lambda: 2]) == [1, 2]
    assert storage.local_path("a") == inner.local_path("a")
    assert [*storage.sweep("models/", 0, dry_run=True)] == []
    assert underlying(storage) is inner is underlying(inner)


@pytest.fixture
def public(tmp_path: Path) -> Iterator[Path]:
    """A folder that any user may enter, outside of pytest's own, which only its owner may."""
    with tempfile.TemporaryDirectory(prefix="read-only-") as folder:
        yield Path(folder)
        for path in [Path(folder), *Path(folder).rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)


VISITOR = """
import sys
from modelstore_core import ModelStore, StorageDenied, StoreReadOnly
from tests.core.test_read_only import READS, WRITES

for read_only in (False, True):
    store = ModelStore(sys.argv[1], trust="full", read_only=read_only)
    for verb, act in READS.items():
        if verb != "what would be collected" or read_only:
            act(store)
    store.pull("m", sys.argv[2] + str(read_only))
    for verb, act in WRITES.items():
        if read_only or verb not in {"collect", "maintain", "repair", "prune", "restore"}:
            try:
                act(store)
            except StorageDenied as error:
                assert isinstance(error, StoreReadOnly) == read_only, (verb, error)
            else:
                raise AssertionError(verb)
print("all of it")
"""


def test_a_folder_that_cannot_be_written_is_read_and_nothing_else(public: Path, tmp_path: Path) -> None:
    fill(ModelStore(public / "store"))
    paths = [public / "store", *(public / "store").rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.lstat().st_ctime_ns for path in paths}
    command = [sys.executable, "-c", VISITOR, str(public / "store"), str(tmp_path / "pulled")]
    if not os.geteuid():  # for root, modes mean nothing as long as it has the capability to pass over them
        command[:0] = [program("setpriv", "it is part of util-linux"), "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=_environment())

    assert done.stdout == "all of it\n", done.stderr
    assert {path: path.lstat().st_ctime_ns for path in [public / "store", *(public / "store").rglob("*")]} == before


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_public_bucket_is_read_by_nobody_in_particular(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)
    with S3Server(["public"]) as server:
        owned = ModelStore("s3://public/models", endpoint=server.endpoint, region="us-east-1", trust="full")
        fill(owned)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        server.script = _only_reads
        server.reset()
        store = ModelStore(
            "s3://public/models", endpoint=server.endpoint, region="us-east-1", anonymous=True, trust="full"
        )
        for verb, act in READS.items():
            if verb != "what would be collected":
                act(store)
        assert store.load("m@champion") == {"w": 1}
        assert not [request for request in server.requests if "authorization" in request.headers]
        with pytest.raises(StorageDenied):
            store.promote("m@2", "champion")


def _only_reads(operation: str, _key: str, _number: int) -> S3FaultKind | None:
    return None if operation.startswith(("Get", "Head", "List")) else "denied"
