"""The best version by one number."""

import math
from typing import Any

import pytest
from tests.search.records import version

from modelstore_core import InvalidInput, InvalidQuery, ModelStore, ModelVersion, VersionNotFound
from modelstore_core.search.best import Best
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.testing.stores import store_over

VERSIONS = [
    version(5, metrics={"auc": 0.9}, tags={"rows": "10"}),
    version(4, metrics={"auc": math.nan}, params={"depth": "deep"}, tags={"rows": "9"}),
    version(3, metrics={"auc": 0.95, "loss": 0.2}, params={"depth": 3}),
    version(2, metrics={"auc": 0.95, "loss": 0.1}, params={"depth": True}),
    version(1, params={"depth": 7}, tags={"rows": "nan"}),
]


def best(field: str, direction: Any = "max", versions: list[ModelVersion] = VERSIONS) -> int:
    return Best.parse(field, direction).of("risk.churn", versions).number


@pytest.mark.parametrize(
    ("field", "direction", "number"),
    [
        ("metrics.auc", "max", 3),
        ("metrics.auc", "min", 5),
        ("metrics.loss", "min", 2),
        ("params.depth", "max", 1),
        ("params.depth", "min", 3),
        ("tags.rows", "max", 5),
        ("size", "min", 1),
        ("number", "max", 5),
    ],
)
def test_the_best_has_the_best_number_and_of_equal_ones_is_the_newest(field: str, direction: str, number: int) -> None:
    assert best(field, direction) == number


def test_infinity_is_a_number_and_nan_is_none() -> None:
    versions = [version(2, metrics={"loss": math.inf}), version(1, metrics={"loss": math.nan})]

    assert best("metrics.loss", "max", versions) == best("metrics.loss", "min", versions) == 2


def test_a_metric_that_nobody_has_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        VersionNotFound, match=r"None of 5 versions of 'risk\.churn' has a number in 'metrics\.acu'"
    ) as no:
        best("metrics.acu")

    assert no.value.fix == "Metrics that some of them have: metrics.auc, metrics.loss."
    with pytest.raises(VersionNotFound, match="They have no metrics"):
        best("metrics.auc", versions=[version(1)])
    with pytest.raises(VersionNotFound, match=r"metrics\.m4 and 5 more\."):
        best("metrics.auc", versions=[version(1, metrics={f"m{n}": 1 for n in range(25)})])


@pytest.mark.parametrize(
    ("field", "direction", "error", "said"),
    [
        ("auc", "max", InvalidQuery, "Unknown field 'auc' at 1:1"),
        ("metric.auc", "max", InvalidQuery, "did you mean 'metrics.auc'"),
        ("", "max", InvalidQuery, "Expected a field"),
        (None, "max", InvalidQuery, "None is no field"),
        ("name", "max", InvalidInput, "'name' is not a number"),
        ("created_at", "max", InvalidInput, "'created_at' is not a number"),
        ("number, size", "max", InvalidInput, "is not a number"),
        ("number DESC", "max", InvalidInput, "is not a number"),
        ("metrics.auc", "highest", InvalidInput, "direction='highest' is no direction"),
    ],
)
def test_what_is_no_number_is_refused(field: Any, direction: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Best.parse(field, direction)


def test_a_store_names_its_best_live_version() -> None:
    store: ModelStore = store_over(MemoryStorage("best"))
    for auc, team in ((0.9, "risk"), (0.99, "ads"), (0.95, "risk"), (0.97, "risk")):
        store.save({"w": 1}, "m", format="pickle", metrics={"auc": auc}, tags={"team": team})
    store.delete("m@4")

    assert store.best("m", "metrics.auc").number == 2
    assert store.best("m", "metrics.auc", "min").number == 1
    assert store.best("m", "metrics.auc", where="tags.team = 'risk'").number == 3
    with pytest.raises(VersionNotFound, match="no version of 'm' to choose from"):
        store.best("m", "metrics.auc", where="tags.team = 'x'")
    with pytest.raises(InvalidQuery, match="Unknown field"):
        store.best("m", "metrics.auc", where="team = 'x'")
    with pytest.raises(LookupError, match="no model 'other'"):
        store.best("other", "metrics.auc")
