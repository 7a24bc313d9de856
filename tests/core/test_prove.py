import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.formats.fresh import run
from tests.formats.plain import Doubler

from modelstore_core import InvalidInput, ModelStore, NotSerializable, ProofFailed
from modelstore_core.documents.entries import read_entry, summarize, write_entry

ROWS = pd.DataFrame({"age": [1.0, 2.5]})


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the tests' own package were installed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def test_a_proof_is_in_the_record(store: ModelStore) -> None:
    saved = store.save(Doubler(3.0), "risk", input_example=ROWS, prove=True)

    proved: Any = store.get("risk@1").proved
    assert saved.proved == proved
    assert (proved["loaded"], proved["predicted"]) == (True, True)
    assert proved["python"] == ".".join(map(str, sys.version_info[:3]))
    assert proved["seconds"] > 0
    assert "loaded in a process of its own, predicted the same" in str(store.inspect("risk"))


def test_without_an_example_nothing_is_predicted(store: ModelStore, weights: Path) -> None:
    for model in (Doubler(), {"a": 1}, weights):
        proved = store.save(model, "risk", prove=True).proved

        assert proved is not None
        assert (proved["loaded"], proved["predicted"]) == (True, None)


def test_without_a_proof_none_is_recorded(store: ModelStore) -> None:
    assert store.save({"a": 1}, "risk").proved is None


LOCAL = """
import sys
from pathlib import Path
from modelstore_core import ModelStore, ProofFailed
sys.path.insert(0, sys.argv[2])
import only_here
store = ModelStore(sys.argv[1])
try:
    store.save(only_here.Model(), "risk", prove=True)
except ProofFailed as error:
    print(error, error.output, store.models(), sep="\\n")
"""


def test_a_class_that_only_the_scripts_folder_has_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "only_here.py").write_text("class Model:\n    pass\n")

    said = run(LOCAL, str(tmp_path / "store"), str(tmp_path / "code"), cwd=tmp_path / "code")

    assert "did not give it back: Loading 'model.pkl' needs the module 'only_here'" in said
    assert "Nothing was saved." in said
    left = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert not [path for path in left if "data" in path.parts or "log" in path.parts]


class Forgetful:
    """Predicts what it does not keep."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def __getstate__(self) -> dict[str, float]:
        return {"factor": 1.0}

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0] * self.factor


class Slow:
    def __setstate__(self, state: object) -> None:
        import time

        time.sleep(60)

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}


class Deadly:
    def __setstate__(self, state: object) -> None:
        import os

        sys.stderr.write("the last words\n")
        sys.stderr.flush()
        os._exit(3)

    def __getstate__(self) -> dict[str, int]:
        return {"a": 1}


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (Forgetful(2.0), {"input_example": ROWS, "prove": True}, "predicts something else"),
        (Slow(), {"prove": 0.5}, r"took more than 0\.5 s"),
        (Deadly(), {"prove": True}, "did not give it back: the last words"),
    ],
    ids=["forgetful", "slow", "deadly"],
)
def test_what_does_not_come_back_is_not_published(
    model: object, options: dict[str, Any], said: str, store: ModelStore, listing: Callable[[], dict[str, str]]
) -> None:
    store.save({"a": 1}, "risk")
    before = listing()

    with pytest.raises(ProofFailed, match=said) as failed:
        store.save(model, "risk", key="train", **options)

    assert isinstance(failed.value, NotSerializable)
    assert "Nothing was saved." in failed.value.fix
    assert {key for key in listing() if "/data/" in key or "/log/" in key} == {
        key for key in before if "/data/" in key or "/log/" in key
    }
    assert store.get("risk").number == 1
    # the key is free for a model that will do
    assert store.save({"a": 2}, "risk", key="train", prove=True).number == 2


def test_a_retry_of_a_proved_save_finds_the_version(store: ModelStore) -> None:
    first = store.save(Doubler(), "risk", key="train", prove=True)
    again = store.save(Doubler(), "risk", key="train", prove=True)

    assert (again.number, again.proved) == (first.number, first.proved)


@pytest.mark.parametrize("prove", [0, -1.0, float("nan"), "yes", None])
def test_what_is_no_time_is_refused_before_anything_is_written(
    prove: Any, store: ModelStore, listing: Callable[[], dict[str, str]]
) -> None:
    with pytest.raises(InvalidInput, match="prove="):
        store.save({"a": 1}, "risk", prove=prove)

    assert listing() == {}


def test_other_writers_may_commit_while_a_proof_runs(store: ModelStore, url: str) -> None:
    other = ModelStore(url)

    class Busy:
        """Another writer commits as soon as the proof predicts here."""

        seen = 0

        def __reduce__(self) -> tuple[type[Doubler], tuple[float]]:
            return Doubler, (2.0,)

        def predict(self, rows: Any) -> Any:
            type(self).seen += 1
            other.save({"by": "another", "n": type(self).seen}, "risk")
            return Doubler(2.0).predict(rows)

    saved = store.save(Busy(), "risk", input_example=ROWS, prove=True)

    assert Busy.seen == 2
    assert saved.number == 3
    assert saved.proved is not None
    assert [version.number for version in store.versions("risk")] == [3, 2, 1]


def test_a_record_with_a_proof_is_shortened_and_read_like_any_other(store: ModelStore) -> None:
    store.save({"a": 1}, "risk", prove=True)
    store.save({"a": 2}, "risk")
    proved, plain = (store._handle.view("risk").version(number).record for number in (1, 2))

    document = write_entry(proved)
    assert read_entry(document, "here") == proved
    assert "proved" in document["op"]  # type: ignore[operator]
    assert "proved" not in write_entry(plain)["op"]  # type: ignore[operator]
    long = {**document, "op": {**document["op"], "description": "x" * 3000}}  # type: ignore[dict-item]
    assert "proved" in summarize(long)["cut"]  # type: ignore[operator]
