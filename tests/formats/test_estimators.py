"""Estimators as a library's own file and `estimator.json`: what it says, what it cannot, and what MLflow is given."""

import json
import math
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import LabelEncoder
from tests.formats.samples import fitted
from tests.formats.stored_estimators import KINDS, load, store

from modelstore_core.errors import Corrupt, MissingExtra, ModelStoreError, Untrusted
from modelstore_core.formats import estimators, parse_trust, read_pyfunc
from modelstore_core.formats import modelstore_estimators_1 as twin
from modelstore_core.formats.trust import FULL, LISTED, SAFE


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[str], Path]:
    return partial(store, folder=tmp_path)


def _change(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "estimator.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.builds(np.float32, st.floats(width=32))
    | st.builds(np.int64, st.integers(-(2**63), 2**63 - 1))
    | st.builds(np.uint8, st.integers(0, 255))
    | st.builds(np.bool_, st.booleans())
    | st.builds(np.str_, st.text(st.characters(min_codepoint=1)))
)
VALUES = st.recursive(
    PLAIN,
    lambda parts: (
        st.lists(parts)
        | st.lists(parts).map(tuple)
        | st.dictionaries(PLAIN, parts)
        | st.dictionaries(PLAIN, parts).map(OrderedDict)
        | st.dictionaries(PLAIN, parts).map(lambda made: defaultdict(OrderedDict, made))
    ),
)


@given(VALUES)
@settings(deadline=None)
def test_a_value_comes_back_equal_and_of_its_type(value: Any) -> None:
    said = json.loads(json.dumps(twin.encode(value), allow_nan=False))

    assert repr(twin.decode(said)) == repr(value)
    assert estimators.can_be_said(value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i2").reshape(2, 3),
        np.array([0.1, math.nan, -math.inf, -0.0], dtype=np.float32),
        np.array(["x", "", "long", "\u00e9"]),
        np.array(["x", 1, None, 2.5, True], dtype=object),
        np.array([True, False]),
        np.array(3.5),
        np.empty((0, 2)),
    ],
    ids=lambda array: str(array.dtype),
)
def test_an_array_comes_back_with_its_type_and_shape(array: Any) -> None:
    back = twin.decode(json.loads(json.dumps(twin.encode(array))))

    assert (back.dtype, back.shape, repr(back)) == (array.dtype, array.shape, repr(array))


def test_labels_come_back_as_labels() -> None:
    labels = twin.decode(twin.encode(LabelEncoder().fit(["b", "a"])))

    assert labels.inverse_transform([0, 1]).tolist() == ["a", "b"]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        len,
        object(),
        b"bytes",
        {1},
        1j,
        Text("a"),
        defaultdict(lambda: 3),
        np.random.RandomState(0),
        np.datetime64("2026-01-01"),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.matrix([[1, 2]]),
        np.longdouble(1),
        np.zeros(9 << 20),
        [{"a": len}],
        10**5000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_said_exactly_is_not_said(value: object) -> None:
    model = fitted("xgb_missing")

    assert estimators.say(model, "xgboost", state={"missing": 1.0, "a": value}) is None
    assert estimators.say(model, "xgboost", state={"missing": 1.0, "a": None}) is not None


BAD_VALUES: list[Any] = [
    {"os.system": "touch canary"},
    {"tuple": [], "list": []},
    {},
    {"float": "1"},
    {"float": 3},
    {"tuple": 3},
    {"dict": [["a"]]},
    {"dict": [[[1], 2]]},
    {"dict": 3},
    {"defaultdict": ["os.system", []]},
    {"defaultdict": [["a"], []]},
    {"defaultdict": []},
    {"scalar": ["<i8", "1"]},
    {"scalar": ["<i8", True]},
    {"scalar": ["|i1", 300]},
    {"scalar": ["|O", None]},
    {"scalar": ["object", 1]},
    {"scalar": [3, 1]},
    {"scalar": []},
    {"array": ["<U999999999", [1], ["a"]]},
    {"array": ["<f8", [2], [1.0]]},
    {"array": ["<f8", [-1, 0], [1.0]]},
    {"array": ["<f8", "x", [1.0]]},
    {"array": ["<f8", [1], ["1.0"]]},
    {"array": ["<f8", [1], 3]},
    {"array": ["V8", [1], [1]]},
    {"array": ["|O", [10**30], [1]]},
    {"LabelEncoder": [1]},
    {"LabelEncoder": {"array": ["<i8", [1]]}},
]


@pytest.mark.parametrize("library", KINDS)
@pytest.mark.parametrize("value", BAD_VALUES, ids=json.dumps)
def test_a_value_that_nobody_would_say_is_corrupt(
    library: str, value: object, stored: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = stored(library)
    _change(folder, lambda document: document["state"].update(verbosity=value))

    with pytest.raises(Corrupt, match=r"estimator\.json"):
        load(folder)
    with pytest.raises(Corrupt, match=r"estimator\.json"):
        read_pyfunc(folder, trust=LISTED)
    assert not (tmp_path / "canary").exists()


def _without(*keys: str) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return change


def _with(value: Any, *keys: str) -> Callable[[dict[str, Any]], object]:
    def change(document: dict[str, Any]) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


LIGHTGBM: dict[str, Callable[[dict[str, Any]], object]] = {
    **{f"without {key}": _without(key) for key in ("class", "format", "library", "state", "booster")},
    **{f"without {name}": _without("state", name) for name in (*twin.ESTIMATOR, "_le", "num_leaves")},
    **{f"without the booster's {name}": _without("booster", name) for name in twin.BOOSTER},
    **{f"a text for {name}": _with({"tuple": []}, "state", name) for name in twin.ESTIMATOR},
    **{f"a text for the booster's {name}": _with("x", "booster", name) for name in twin.BOOSTER},
    "a pointer": _with(12345, "booster", "_handle"),
    "a pointer for an estimator": _with(12345, "state", "_Booster"),
    "another class": _with("builtins.object", "state", "__class__"),
    "no name": _with(1, "state", "a b"),
    "a method": _with("x", "state", "predict"),
    "fewer labels": _with({"LabelEncoder": {"array": ["<i8", [1], [0]]}}, "state", "_le"),
    "labels of two dimensions": _with({"LabelEncoder": {"array": ["<i8", [2, 1], [0, 1]]}}, "state", "_le"),
    "labels that are none": _with([0, 1], "state", "_le"),
    "a later format": _with(2, "format"),
    "no library": _with("os", "library"),
    "a list for a library": _with([], "library"),
    "a list for the state": _with([], "state"),
    "another library's class": _with("xgboost.sklearn.XGBRegressor", "class"),
    "a booster": _with("lightgbm.basic.Booster", "class"),
    "a class that is not there": _with("lightgbm.sklearn.LGBMSeer", "class"),
    "no class": _with("nodots", "class"),
    "no text for a class": _with(["a.b"], "class"),
}
XGBOOST: dict[str, Callable[[dict[str, Any]], object]] = {
    "without missing": _without("state", "missing"),
    "a text for missing": _with("x", "state", "missing"),
    "an array for missing": _with({"array": ["<f8", [1], [1.0]]}, "state", "missing"),
    "another kind of estimator": _with("xgboost.sklearn.XGBRegressor", "class"),
    "a later format": _with(2, "format"),
}


@pytest.mark.parametrize(
    ("library", "what"), [*(("lightgbm", what) for what in LIGHTGBM), *(("xgboost", what) for what in XGBOOST)]
)
def test_a_document_that_does_not_fit_is_refused(library: str, what: str, stored: Callable[[str], Path]) -> None:
    folder = stored(library)
    _change(folder, {**LIGHTGBM, **XGBOOST}[what] if library == "xgboost" else LIGHTGBM[what])

    with pytest.raises((Corrupt, Untrusted)):
        load(folder)
    with pytest.raises((Corrupt, Untrusted)):
        read_pyfunc(folder, trust=SAFE)


@pytest.mark.parametrize("text", ["", "[", "[]", "3", "\0", "[" * 100_000, '{"format":' + "1" * 5000 + "}"])
def test_what_is_no_document_is_corrupt(text: str, stored: Callable[[str], Path]) -> None:
    folder = stored("lightgbm")
    (folder / "estimator.json").write_text(text)

    with pytest.raises(Corrupt, match=r"estimator\.json"):
        load(folder)


@pytest.mark.parametrize("name", ["os.system", "subprocess.Popen", "sklearn.svm.SVC", "lightgbm.basic.Booster"])
@pytest.mark.parametrize("library", KINDS)
def test_a_class_is_imported_only_if_it_is_trusted_and_made_only_if_it_is_an_estimator_of_the_library(
    library: str, name: str, stored: Callable[[str], Path]
) -> None:
    folder = stored(library)
    _change(folder, _with(name, "class"))
    shipped = name == "lightgbm.basic.Booster"

    for opened in (lambda trust: load(folder, trust), lambda trust: read_pyfunc(folder, trust=trust)):
        for trust in (SAFE, LISTED):
            with pytest.raises(Corrupt if shipped else Untrusted, match=name):
                opened(trust)
        with pytest.raises(ModelStoreError):
            opened(parse_trust([name]))
        with pytest.raises(Corrupt):
            opened(FULL)


def test_a_parameter_that_is_a_method_is_not_set(stored: Callable[[str], Path]) -> None:
    folder = stored("xgboost")
    _change(folder, _with("x", "state", "predict"))

    assert callable(load(folder).predict)


def test_without_the_library_the_line_to_install_it_is_given(
    stored: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stored("xgboost")
    for name in ("xgboost", "xgboost.sklearn"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(MissingExtra, match=r"pip install xgboost$"):
        load(folder)


class Particular(xgboost.XGBRegressor):
    """Which other code puts together."""

    def __setstate__(self, state: Any) -> None:
        raise AssertionError(state)


def _inner() -> type:
    class Inner(xgboost.XGBRegressor):
        pass

    return Inner


@pytest.mark.parametrize("kind", [_inner(), Particular], ids=lambda kind: kind.__name__)
def test_a_class_that_others_do_not_find_or_that_is_more_than_its_attributes_is_not_said(kind: Any) -> None:
    assert estimators.say(kind(), "xgboost", state={"missing": 1.0}) is None
    assert estimators.say(xgboost.XGBRegressor(), "xgboost", state={"missing": 1.0}) is not None
