from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.prefect.support import finished, run_again

from modelstore_core import InvalidInput, ModelStore
from prefect_modelstore import Trained, retrain_and_promote
from prefect_modelstore.flows import train_model

HERE = "tests.prefect.test_flows"


def fit(auc: float = 0.5, **params: object) -> tuple[dict[str, object], dict[str, float]]:
    return {"auc": auc, **params}, {"auc": auc}


def fit_model_alone() -> dict[str, int]:
    return {"a": 1}


def fit_with_everything() -> Trained:
    return Trained(
        model={"a": 1},
        metrics={"auc": 0.9},
        params={"depth": 3},
        tags={"team": "risk"},
        description="First.",
        extra_files=[__file__],
        lineage={"data": "2026-11"},
    )


@dataclass
class Result:
    """What a library's own training might return."""

    model: dict[str, int]
    metrics: dict[str, float]


def fit_as_a_library_does() -> Result:
    return Result({"a": 1}, {"auc": 0.9})


@dataclass
class FittedResult:
    """A fitted model that, as those of statsmodels, knows what it was made from."""

    model: str


def fit_as_statsmodels_does() -> FittedResult:
    return FittedResult("the specification")


not_a_function = 7


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (fit, Trained(model={"auc": 0.5}, metrics={"auc": 0.5})),
        (fit_model_alone, Trained(model={"a": 1})),
        (fit_with_everything, fit_with_everything()),
        (fit_as_a_library_does, Trained(model={"a": 1}, metrics={"auc": 0.9})),
        (fit_as_statsmodels_does, Trained(model=FittedResult("the specification"))),
    ],
)
def test_a_training_function_may_return_many_things(function: Callable[..., object], expected: Trained) -> None:
    assert train_model.fn(f"{HERE}:{function.__name__}", {}) == expected


def test_a_training_function_that_returns_nothing_is_named() -> None:
    with pytest.raises(InvalidInput, match="returned no model"):
        train_model.fn("builtins:print", {})


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (f"{HERE}:nothing", "no attribute 'nothing'"),
        ("no_such_package.training:fit", "No module named 'no_such_package'"),
        (f"{HERE}:not_a_function", "it is a int"),
        (f"{HERE}:Result.nothing", "no attribute 'nothing'"),
    ],
)
def test_what_is_no_training_function_is_named(path: str, why: str) -> None:
    with pytest.raises(InvalidInput, match="is no training function") as caught:
        train_model.fn(path, {})

    assert why in str(caught.value)
    assert "module:function" in str(caught.value)


def test_what_a_training_module_lacks_is_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needy_training.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="no_such_dependency"):
        train_model.fn("needy_training:fit", {})


@pytest.mark.parametrize("allowed", ["", "credit.*", f"{HERE}:fit_model_alone, credit.train:fit", HERE])
def test_what_this_process_does_not_allow_is_not_even_imported(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_TRAINING", allowed)

    for path in (f"{HERE}:fit", "no_such_package.training:fit"):
        with pytest.raises(InvalidInput, match="MODELSTORE_TRAINING"):
            train_model.fn(path, {})


@pytest.mark.parametrize("allowed", [f"{HERE}:fit", f"credit.*, {HERE}:*", "*"])
def test_what_this_process_allows_is_called(allowed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELSTORE_TRAINING", allowed)

    assert train_model.fn(f"{HERE}:fit", {}).metrics == {"auc": 0.5}


@pytest.mark.usefixtures("prefect_server")
class TestRetrain:
    def retrain(self, store: ModelStore, auc: float, **fields: Any) -> Any:
        given = {"store": store.url, "parameters": {"auc": auc}, "metric": "auc"} | fields
        return finished(retrain_and_promote, f"{HERE}:fit", "risk.churn", **given)

    def test_the_first_model_becomes_champion_and_a_worse_one_does_not(self, store: ModelStore) -> None:
        first = self.retrain(store, 0.9)
        worse = self.retrain(store, 0.8)
        better = self.retrain(store, 0.95, reason="Nightly.")

        assert (first.result(), better.result()) == ("risk.churn@1", "risk.churn@3")
        assert "risk.churn@2 has auc = 0.8, risk.churn@1 has auc = 0.9" in worse.message
        assert store.get("risk.churn@champion").number == 3
        assert [event.kind for event in store.history("risk.churn") if event.number == 2] == [
            "promotion.refused",
            "version.created",
        ]

    def test_the_parameters_of_the_training_are_recorded(self, store: ModelStore) -> None:
        self.retrain(store, 0.9, parameters={"auc": 0.9, "depth": 3})

        assert store.get("risk.churn").params == {"auc": 0.9, "depth": 3}

    def test_what_the_training_says_is_recorded(self, store: ModelStore) -> None:
        finished(retrain_and_promote, f"{HERE}:fit_with_everything", "risk.churn", store=store.url)

        version = store.get("risk.churn")
        assert (version.metrics, version.params, version.tags) == ({"auc": 0.9}, {"depth": 3}, {"team": "risk"})
        assert (version.description, version.lineage["data"]) == ("First.", "2026-11")
        assert "extra_files/test_flows.py" in {file.path for file in version.files}

    def test_a_retry_of_the_run_makes_no_further_version(self, store: ModelStore) -> None:
        run_again(retrain_and_promote, self.retrain(store, 0.9))

        assert len(store.versions("risk.churn", deleted=True)) == 1
        assert len(store.history("risk.churn")) == 2

    @pytest.mark.parametrize(
        ("fields", "auc", "promoted"),
        [
            ({"threshold": 0.9}, 0.89, False),
            ({"threshold": 0.9}, 0.91, True),
            ({"improve_by": 0.2}, 0.9, False),
            ({"must_improve": False}, 0.1, True),
            ({"metric": None}, 0.1, True),
            ({"direction": "min"}, 0.1, True),
            ({"direction": "min"}, 0.9, False),
            ({"metric": "f1"}, 0.9, False),
        ],
    )
    def test_gates_are_set_by_the_form(
        self, store: ModelStore, fields: dict[str, Any], auc: float, promoted: Literal[True, False]
    ) -> None:
        store.save({"old": 1}, "risk.churn", metrics={"auc": 0.8}, aliases=["champion"])

        state = self.retrain(store, auc, **fields)

        assert state.is_completed() is promoted
        assert store.get("risk.churn@champion").number == (2 if promoted else 1)

    @pytest.mark.parametrize("fields", [{"metric": None}, {"direction": "min"}])
    def test_a_threshold_that_makes_no_sense_is_refused_before_training(
        self, store: ModelStore, fields: dict[str, Any]
    ) -> None:
        state = self.retrain(store, 0.9, threshold=0.5, **fields)

        assert "threshold=0.5" in state.message
        assert not store.models()

    def test_what_the_form_would_not_let_pass_fails_before_training(self, store: ModelStore) -> None:
        state = self.retrain(store, 0.9, improve_by=-1)

        assert "improve_by" in state.message
        assert not store.models()
