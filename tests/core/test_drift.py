"""A model that is loaded with other releases than it was saved with says so, where that may matter."""

import json
import warnings
from typing import Any

import pytest

from modelstore_core import EnvironmentWarning, ModelStore
from modelstore_core.documents.canonical import seal, unsealed
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

_LOG = "models/m/log/00000000000000000001.json"


def saved_with(name: str, environment: dict[str, Any]) -> MemoryStorage:
    """A store with one version, whose record says that it was made with these."""
    storage = MemoryStorage(name)
    store_over(storage).save({"weights": {1.0}}, "m", aliases=["champion"])
    commit = json.loads(unsealed(storage.get(_LOG) or b""))
    commit["entry"]["op"]["environment"] |= environment
    raw = json.dumps(commit, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    storage.put(_LOG, seal(raw))
    return storage


@pytest.mark.parametrize("reference", ["m", "m@1", "m@champion"])
def test_a_load_with_other_releases_warns_once_and_says_what_to_install(reference: str) -> None:
    store = store_over(saved_with(f"drift-{reference}", {"requirements": ["numpy==1.0.0"]}))

    with pytest.warns(
        EnvironmentWarning, match=r'm@1 was saved with other.*numpy 1\.0\.0 there.*"numpy==1\.0\.0"'
    ) as w:
        assert store.load(reference) == {"weights": {1.0}}

    assert [warning.filename for warning in w] == [__file__]


@pytest.mark.parametrize("use", [lambda s: s.get("m"), lambda s: s.load("m", as_="path"), lambda s: s.versions("m")])
def test_what_runs_nothing_warns_of_nothing(use: Any) -> None:
    store: ModelStore = store_over(saved_with(f"quiet-{id(use)}", {"requirements": ["numpy==1.0.0"]}))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use(store)
