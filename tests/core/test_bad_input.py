"""Every noun a user can get wrong: the error's type, value and fix, and a store that is as it was before."""

import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from modelstore_core import (
    AliasNotFound,
    AtLeast,
    Corrupt,
    Improves,
    InvalidInput,
    InvalidLocation,
    InvalidName,
    InvalidReference,
    ModelNotFound,
    ModelStore,
    ModelStoreError,
    NotSerializable,
    StorageError,
    StoreTooNew,
    TooLarge,
    UnknownFormat,
    VersionNotFound,
)

_SOCKET = socket.socket()
_SOCKET.close()  # as little to be pickled closed as open


@pytest.fixture
def one(store: ModelStore, weights: Path) -> ModelStore:
    store.save(weights, "m", aliases=["champion"])
    return store


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
    "order by nothing known": (lambda s, _: s.versions("m", order_by="metric.auc"), InvalidInput, "metric.auc"),
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
