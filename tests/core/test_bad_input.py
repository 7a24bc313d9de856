"""Every noun a user can get wrong: the error's type, value and fix, and a store that is as it was before."""

import getpass
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.contract.aws import use_fake_aws

from modelstore_core import (
    AliasNotFound,
    AtLeast,
    Corrupt,
    Improves,
    InvalidInput,
    InvalidLocation,
    InvalidName,
    InvalidQuery,
    InvalidReference,
    ModelNotFound,
    ModelStore,
    ModelStoreError,
    NotFound,
    NotSerializable,
    StorageDenied,
    StorageError,
    StorageMissing,
    StoreTooNew,
    TooLarge,
    UnknownFormat,
    UnsafeStorage,
    Untrusted,
    VersionNotFound,
)
from modelstore_core.cli.exits import exit_of
from modelstore_core.testing.s3_server import S3Server

_SOCKET = socket.socket()
_SOCKET.close()  # as little to be pickled closed as open


@pytest.fixture
def one(store: ModelStore, weights: Path) -> ModelStore:
    store.save(weights, "m", aliases=["champion"])
    return store


_EXITS: Mapping[type, int] = {
    InvalidInput: 2,
    NotSerializable: 2,
    NotFound: 3,
    StorageError: 5,
    Corrupt: 6,
    Untrusted: 7,
}

BAD: Mapping[str, tuple[Callable[[ModelStore, Path], object], type[ModelStoreError], object]] = {
    "unknown model": (lambda s, _: s.load("n"), ModelNotFound, "n"),
    "unknown model to promote": (lambda s, _: s.promote("n@1", "a"), ModelNotFound, "n"),
    "unknown model to promote, keyed": (lambda s, _: s.promote("n@1", "a", key="k"), ModelNotFound, "n"),
    "unknown model to roll back": (lambda s, _: s.rollback("n", "a"), ModelNotFound, "n"),
    "unknown version": (lambda s, _: s.get("m@7"), VersionNotFound, 7),
    "unknown version to delete": (lambda s, _: s.delete("m@7"), VersionNotFound, 7),
    "unknown version to annotate": (lambda s, _: s.annotate("m@7", tags={"a": "b"}), VersionNotFound, 7),
    "unknown alias": (lambda s, _: s.load("m@nobody"), AliasNotFound, "nobody"),
    "unknown alias to remove": (lambda s, _: s.unalias("m", "nobody"), AliasNotFound, "nobody"),
    "unknown format": (lambda s, w: s.save(w, "m", format="pickel"), UnknownFormat, "pickel"),
    "slash in a name": (lambda s, w: s.save(w, "a/b"), InvalidName, "a/b"),
    "dots for a name": (lambda s, w: s.save(w, ".."), InvalidName, ".."),
    "empty name": (lambda s, w: s.save(w, ""), InvalidName, ""),
    "long name": (lambda s, w: s.save(w, "n" * 201), InvalidName, "n" * 201),
    "name with a line break": (lambda s, w: s.save(w, "a\nb"), InvalidName, "a\nb"),
    "name that is no text": (lambda s, w: s.save(w, 3), InvalidName, 3),  # type: ignore[arg-type]  # on purpose
    "malformed reference": (lambda s, _: s.get("m@"), InvalidReference, "m@"),
    "reference to version zero": (lambda s, _: s.get("m@0"), InvalidReference, "m@0"),
    "stage for a version": (lambda s, _: s.get("models:/m/Production"), InvalidReference, "models:/m/Production"),
    "alias that reads like a version": (lambda s, _: s.promote("m@1", "v3"), InvalidName, "v3"),
    "alias with a blank": (lambda s, w: s.save(w, "m", aliases=["a b"]), InvalidName, "a b"),
    "aliases as one text": (lambda s, w: s.save(w, "m", aliases="champion"), InvalidInput, "champion"),
    "metric that is no number": (lambda s, w: s.save(w, "m", metrics={"auc": "high"}), InvalidInput, "high"),
    "metric without a name": (lambda s, w: s.save(w, "m", metrics={"": 1}), InvalidInput, ""),
    "metrics as a list": (lambda s, w: s.save(w, "m", metrics=[1]), InvalidInput, [1]),  # type: ignore[arg-type]  # on purpose
    "tag that is no text": (lambda s, w: s.save(w, "m", tags={"a": ["b"]}), InvalidInput, ["b"]),
    "description that is no text": (lambda s, w: s.save(w, "m", description=3), InvalidInput, 3),  # type: ignore[arg-type]  # on purpose
    "lineage that is no JSON": (lambda s, w: s.save(w, "m", lineage={"at": b"x"}), InvalidInput, b"x"),
    "empty key": (lambda s, w: s.save(w, "m", key=""), InvalidName, ""),
    "negative attempt": (lambda s, w: s.save(w, "m", key="k", attempt=-1), InvalidInput, -1),
    "expect that is no number": (lambda s, _: s.promote("m@1", "a", expect="1"), InvalidInput, "1"),  # type: ignore[arg-type]  # on purpose
    "gate that is none": (lambda s, _: s.promote("m@1", "a", gates=["auc > 1"]), InvalidInput, "'auc > 1'"),  # type: ignore[list-item]  # on purpose
    "gate without a number": (lambda _s, _w: AtLeast("auc", "0.9"), InvalidInput, "0.9"),  # type: ignore[arg-type]  # on purpose
    "gate that asks to get worse": (lambda _s, _w: Improves("auc", by=-1), InvalidInput, ...),
    "order by nothing known": (lambda s, _: s.versions("m", order_by="metric.auc"), InvalidQuery, "metric.auc"),
    "malformed filter": (lambda s, _: s.versions("m", where="metrics.auc >"), InvalidQuery, "metrics.auc >"),
    "limit of zero": (lambda s, _: s.versions("m", limit=0), InvalidInput, 0),
    "foreign cursor": (lambda s, _: s.changes("abc"), InvalidInput, "abc"),
    "load as what": (lambda s, _: s.load("m", as_="dict"), InvalidInput, "dict"),  # type: ignore[arg-type]  # on purpose
    "unknown trust": (lambda s, _: s.load("m", trust="ful"), InvalidInput, "ful"),
    "record too large": (lambda s, w: s.save(w, "m", params={"p": "x" * 300_000}), TooLarge, ...),
    "missing file": (lambda s, w: s.save(w / "none", "m"), InvalidInput, ...),
    "open socket in a model": (lambda s, _: s.save({"s": _SOCKET}, "m", format="pickle"), NotSerializable, ...),
    "socket in a new model": (
        lambda s, _: s.save({"s": _SOCKET}, "new", format="pickle"),
        NotSerializable,
        ...,
    ),
}


@pytest.mark.parametrize("noun", BAD)
def test_bad_input_is_typed_says_the_fix_and_changes_nothing(
    one: ModelStore, weights: Path, listing: Callable[[], dict[str, str]], noun: str
) -> None:
    act, expected, value = BAD[noun]
    before = listing()

    with pytest.raises(expected) as caught:
        act(one, weights)

    assert type(caught.value) is expected
    assert caught.value.fix
    assert str(caught.value).endswith(caught.value.fix)
    if value is not ...:
        assert caught.value.value == value
    assert exit_of(expected) == _EXITS[next(cls for cls in expected.__mro__ if cls in _EXITS)]
    assert listing() == before


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("gopher://x", {}),
        ("s3://", {"region": "us-east-1"}),
        ("s3://key:secret@bucket/x", {}),
        ("./models", {"endpoint": "http://localhost"}),
        ("memory://x?y=1", {}),
        ("", {}),
    ],
)
def test_a_location_that_is_none_is_refused(url: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidLocation) as caught:
        ModelStore(url, **options)

    assert caught.value.fix
    assert "secret" not in str(caught.value)


def test_no_location_at_all_says_all_ways_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELSTORE_URL", raising=False)

    with pytest.raises(InvalidLocation, match="MODELSTORE_URL"):
        ModelStore()


def test_a_store_of_a_newer_format_is_neither_read_nor_written(one: ModelStore, url: str, weights: Path) -> None:
    key = f"models/m/log/{1:020}.json"
    raw = one.storage.get(key)
    assert raw is not None
    one.storage.put(key, raw.replace(b'"format":1,"model"', b'"format":2,"model"'))

    acts: list[Callable[[ModelStore], object]] = [
        lambda s: s.get("m"),
        lambda s: s.save(weights, "m"),
        lambda s: s.promote("m", "a"),
    ]
    for act in acts:
        with pytest.raises(StoreTooNew, match="Upgrade"):
            act(ModelStore(url))


def test_a_store_that_needs_unknown_features_is_not_written(one: ModelStore, url: str, weights: Path) -> None:
    raw = one.storage.get("store.json")
    assert raw is not None
    one.storage.put("store.json", raw.replace(b'"features":[]', b'"features":["sealed"]'))

    with pytest.raises(StoreTooNew, match="sealed"):
        ModelStore(url).save(weights, "m")
    assert ModelStore(url).get("m").number == 1


def test_a_log_with_a_hole_is_named(one: ModelStore, url: str) -> None:
    for i in range(40):
        one.annotate("m@1", tags={"i": i})
    one.storage.delete([f"models/m/log/{2:020}.json", f"models/m/blocks/{1:020}-{32:020}.json"])

    with pytest.raises(Corrupt, match="hole at 2"):
        ModelStore(url).history("m")
    assert ModelStore(url).load("m@champion").exists()


def test_a_file_where_the_store_should_be_is_named(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="is a file, not a folder"):
        ModelStore(tmp_path / "file").save(weights, "m")


def test_a_flipped_byte_is_refused_and_changes_nothing(one: ModelStore, listing: Callable[[], dict[str, str]]) -> None:
    key = next(key for key in listing() if key.endswith("weights.bin"))
    one.storage.delete([key])
    one.storage.put(key, b"weightz")
    before = listing()

    with pytest.raises(Corrupt, match="Nothing was loaded") as caught:
        one.load("m")
    assert (caught.value.value, exit_of(type(caught.value))) == ("weights.bin", 6)
    assert listing() == before


def test_a_pickle_that_trust_refuses_names_the_line_to_add(
    store: ModelStore, listing: Callable[[], dict[str, str]]
) -> None:
    store.save(Fraction, "m", format="pickle", metrics={"auc": 1})
    store.save(getpass.getuser, "m", format="pickle")
    before = listing()

    assert store.load("m@1") is Fraction
    with pytest.raises(Untrusted, match=r'trust=\["getpass.getuser"\]') as caught:
        store.load("m")
    assert (caught.value.names, exit_of(Untrusted)) == (("getpass.getuser",), 7)
    assert store.load("m", trust=["getpass.getuser"]) is getpass.getuser
    with pytest.raises(Untrusted):
        store.load("m@1", trust="safe")
    assert listing() == before


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fake_aws(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("server", "url", "expected", "says"),
    [
        ({}, "s3://elsewhere/x", StorageMissing, "elsewhere"),
        ({"access_key_id": "another"}, "s3://models", StorageDenied, "AWS_ACCESS_KEY_ID"),
        ({"read_only": True}, "s3://models", StorageDenied, "models"),
        ({"ignore_preconditions": True}, "s3://models", UnsafeStorage, "single_writer"),
    ],
    ids=["missing bucket", "wrong credentials", "read-only bucket", "server without create-if-absent"],
)
@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_cannot_be_written_says_why(
    weights: Path, server: dict[str, Any], url: str, expected: type[ModelStoreError], says: str
) -> None:
    with S3Server(["models"], **server) as running:
        store = ModelStore(url, endpoint=running.endpoint, patience=2)
        with pytest.raises(expected, match=says) as caught:
            store.save(weights, "m")

        assert type(caught.value) is expected
        assert (bool(caught.value.fix), exit_of(expected)) == (True, 5)
        assert "test-secret-key" not in str(caught.value)
        assert not running.buckets.keys("models")


def test_a_read_only_folder_is_named_and_can_still_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        (Path(folder) / "w.bin").write_bytes(b"w")
        ModelStore(root).save(Path(folder) / "w.bin", "m")
        with _as_nobody(Path(folder)):
            store = ModelStore(root)
            with pytest.raises(StorageDenied, match="owner and the mode"):
                store.save(Path(folder) / "w.bin", "m")
            with pytest.raises(StorageDenied, match="owner and the mode"):
                store.promote("m@1", "champion")
            assert store.load("m").read_bytes() == b"w"
            assert [v.number for v in store.versions("m")] == [1]


@contextmanager
def _as_nobody(folder: Path) -> Iterator[None]:
    """As somebody who may read the folder, not write: root, who may do everything, turns into nobody."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        yield
    finally:
        os.seteuid(user)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
