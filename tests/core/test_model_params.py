"""What a model says of its own parameters, from the save to those who ask."""

import json
from pathlib import Path

import pytest
from sklearn.linear_model import LogisticRegression
from tests.formats.samples import FRAME, TARGET

from modelstore_core import ModelStore
from modelstore_core.cli import main


def fitted(**params: object) -> LogisticRegression:
    return LogisticRegression(**params).fit(FRAME, TARGET)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "store")
    store.save(fitted(C=0.5), "risk", params={"C": "as I said"})
    store.save(fitted(C=2.0, solver="newton-cg"), "risk")
    return store


def test_they_are_recorded_beside_the_callers_params(store: ModelStore, tmp_path: Path) -> None:
    found = ModelStore(tmp_path / "store").get("risk@1")

    assert (found.model_params["C"], found.model_params["solver"]) == (0.5, "lbfgs")
    assert found.params == {"C": "as I said"}
    assert store.get("risk@2").params == {}


def test_they_compare_and_can_be_searched_for(store: ModelStore) -> None:
    changes = {d.field: (d.left, d.right) for d in store.compare("risk@1", "risk@2").differences}

    assert changes["model_params.C"] == (0.5, 2.0)
    assert changes["model_params.solver"] == ("lbfgs", "newton-cg")
    assert "model_params.max_iter" not in changes
    assert [v.number for v in store.versions("risk", where="model_params.C > 1")] == [2]
    assert [v.number for v in store.versions("risk", where="model_params.solver = 'lbfgs'")] == [1]


def test_people_see_them(store: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--store", str(tmp_path / "store"), "show", "risk@2"])

    assert "model_params.solver " in capsys.readouterr().out
    assert "C=2" in next(line for line in str(store.get("risk@2")).splitlines() if line.startswith("made with"))


def test_heads_that_have_no_room_leave_them_to_the_commit(store: ModelStore, tmp_path: Path) -> None:
    log = tmp_path / "store" / "models" / "risk" / "log"
    first, second = (json.loads((log / f"{seq:020}.json").read_text()) for seq in (1, 2))

    assert first["entry"]["op"]["model_params"]["C"] == 0.5
    assert "model_params" in second["recent"][0]["cut"]
    assert store.versions("risk")[1].model_params["C"] == 0.5


def test_a_version_without_any_has_no_such_field(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    found = store.save(Path(__file__), "page")

    (commit,) = (tmp_path / "store" / "models" / "page" / "log").iterdir()
    assert found.model_params == {}
    assert '"model_params":' not in commit.read_text()


def test_a_copy_says_the_same(store: ModelStore, tmp_path: Path) -> None:
    copied = store.copy("risk@1", ModelStore(tmp_path / "other"))

    assert copied.model_params == store.get("risk@1").model_params != {}


def test_listings_made_by_maintenance_have_them(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    for number in range(40):
        store.save(fitted(C=number + 1), "risk")
    store.maintain("risk")

    found = ModelStore(tmp_path / "store").versions("risk", where="model_params.C > 38")

    assert [version.model_params["C"] for version in found] == [40, 39]
