import unicodedata

import dagster as dg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dagster_modelstore.naming import asset_path, model_name, op_model_name, work_key
from modelstore_core import ModelNotFound, ModelStore

PARTS = st.one_of(
    st.text(max_size=12), st.sampled_from(["", ".", "..", "a", "A", "a.b", "a__b", "é", "e\u0301", "%", "~"])
)
PATHS = st.lists(PARTS, min_size=1, max_size=4)


@given(PATHS)
@example(["\u1100", "\u1161"])
@example(["\u1100\u1161"])
@example(["."])
@example(["%2E"])
@example([""])
@example(["", ""])
@example(["\ud800"])
def test_the_way_back_leads_to_the_same_key(path: list[str]) -> None:
    name = model_name(path)

    if "~" not in name:
        assert asset_path(name) == tuple(path)


@given(PATHS, PATHS)
@example(["a", "b"], ["a.b"])
@example(["a", "b"], ["a__b"])
@example(["a/b"], ["a", "b"])
@example(["é"], ["e\u0301"])
@example(["x" * 300], ["x" * 301])
@example([""], ["%"])
def test_different_keys_have_different_models(left: list[str], right: list[str]) -> None:
    assert (model_name(left) == model_name(right)) == (left == right)


@given(st.lists(st.text(max_size=120), min_size=1, max_size=4))
@example(["x" * 300])
@example(["日" * 100])
@example([" "])
def test_every_name_is_one_that_the_store_takes(path: list[str]) -> None:
    name = model_name(path)

    with pytest.raises(ModelNotFound):  # and not InvalidName
        ModelStore("memory://names").get(name)
    assert unicodedata.is_normalized("NFC", name)  # else the store would change it


@given(st.text(max_size=60))
def test_a_name_that_comes_from_no_key_leads_nowhere(name: str) -> None:
    path = asset_path(name)

    assert path is None or model_name(path) == name


@pytest.mark.parametrize("path", [["a", "b"], ["risk", "churn-v_2"], ["モデル"], ["Größe"]])
def test_what_needs_no_escape_stays_readable(path: list[str]) -> None:
    assert model_name(path) == ".".join(path)


@pytest.mark.parametrize("name", ["%FF", "%2e", "a..b", "", "%", "sweep~train~result", "e\u0301"])
def test_only_what_the_mapping_gives_has_a_way_back(name: str) -> None:
    assert asset_path(name) == (("",) if name == "%" else None)


def test_an_op_never_shares_a_model_with_an_asset() -> None:
    name = op_model_name("sweep", "graph.train[lr_0]", "result")

    assert name == "sweep~graph%2Etrain~result"
    assert name == op_model_name("sweep", "graph.train[lr_1]", "result")
    assert asset_path(name) is None
    assert model_name(["sweep~graph.train~result"]) != name


@given(st.lists(st.text(max_size=300), max_size=3), st.lists(st.text(max_size=300), max_size=3))
def test_different_work_has_different_keys(left: list[str], right: list[str]) -> None:
    keys = work_key("run", "op", "train", *left), work_key("run", "op", "train", *right)

    assert (keys[0] == keys[1]) == (left == right)
    assert all(len(key.encode()) <= 512 for key in keys)


def test_the_store_takes_names_that_only_dagster_likes() -> None:
    store = ModelStore("memory://odd-names")
    keys = [[""], ["."], [".."], ["a/b"], ["con"], ["x" * 300], ["A"], ["a"]]

    for path in keys:
        assert store.save(1, model_name(dg.AssetKey(path).path)).number == 1

    assert len(store.models()) == len(keys)
