"""Which cache is meant: by the program, by the environment, by nobody."""

from pathlib import Path
from typing import Any

import pytest

from modelstore_core import InvalidInput, ModelStore
from modelstore_core.artifacts.cache import Cache
from modelstore_core.store.caching import checked_cache


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODELSTORE_CACHE", "MODELSTORE_CACHE_SIZE"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_says_where_the_cache_is_unless_the_program_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert checked_cache(cache=None, size=None) is None
    assert checked_cache(cache=True, size=None) == Cache(path=tmp_path / "modelstore", limit=10 << 30)
    monkeypatch.setenv("MODELSTORE_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("MODELSTORE_CACHE_SIZE", "1.5 GiB")
    assert checked_cache(cache=None, size=None) == Cache(path=tmp_path / "c", limit=3 << 29)
    assert checked_cache(cache=tmp_path / "d", size=7) == Cache(path=tmp_path / "d", limit=7)
    assert checked_cache(cache=False, size=None) is None
    monkeypatch.setenv("MODELSTORE_CACHE", "1")
    assert checked_cache(cache=None, size="20MB") == Cache(path=tmp_path / "modelstore", limit=20_000_000)


def test_a_home_of_caches_that_is_not_absolute_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))

    found = checked_cache(cache="on", size="4k")
    assert found == Cache(path=tmp_path / ".cache" / "modelstore", limit=4000)


@pytest.mark.parametrize("size", ["", None])
def test_no_size_is_ten_gibibytes(size: str | None, tmp_path: Path) -> None:
    found = checked_cache(cache=tmp_path, size=size)

    assert found is not None
    assert found.limit == 10 << 30


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "much", "0", "10 pounds", "-3"])
def test_a_size_that_is_none_is_refused(size: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no size"):
        ModelStore(tmp_path, cache=tmp_path, cache_size=size)


@pytest.mark.parametrize("place", [7, b"bytes", ["list"]])
def test_a_place_that_is_none_is_refused(place: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no folder"):
        ModelStore(tmp_path, cache=place)
