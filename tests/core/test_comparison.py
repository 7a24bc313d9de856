"""Versions side by side."""

import json
import math
from typing import Any

import pytest
from tests.search.records import version

from modelstore_core import Comparison, FileEntry
from modelstore_core.model.comparison import compare
from modelstore_core.model.signatures import signature_columns, signature_line


def differences(*versions: Any) -> dict[str, tuple[Any, ...]]:
    return {d.field: d.values for d in compare(versions).differences}


def signed(inputs: list[dict[str, Any]], outputs: object = None) -> dict[str, Any]:
    return {"inputs": json.dumps(inputs), "outputs": None if outputs is None else json.dumps(outputs)}


def column(name: str | None, kind: str, **more: object) -> dict[str, Any]:
    return {"type": kind, "required": True, **({} if name is None else {"name": name}), **more}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"metrics": {"a": 1}}, {"metrics": {"a": 2, "b": 3}}, {"metrics.a": (1, 2), "metrics.b": (None, 3)}),
        ({"metrics": {"a": math.nan}}, {"metrics": {"a": math.nan}}, {}),
        ({"params": {"p": 1}}, {"params": {"p": True}}, {"params.p": (1, True)}),
        ({"params": {"p": [1]}}, {"params": {"p": [1, 2]}}, {"params.p": ([1], [1, 2])}),
        ({"tags": {"t": "x"}}, {}, {"tags.t": ("x", None)}),
        (
            {"lineage": {"git": {"commit": "a"}}},
            {"lineage": {"git": {"commit": "b"}}},
            {"lineage.git.commit": ("a", "b")},
        ),
        (
            {"environment": {"python": "3.11"}},
            {"environment": {"python": "3.12"}},
            {"environment.python": ("3.11", "3.12")},
        ),
        (
            {"environment": {"requirements": ["numpy==1", "a>=2", "b[x]==1", "c", 7]}},
            {"environment": {"requirements": ["numpy==2", "b[x]==1", "c"]}},
            {"requirements.numpy": ("1", "2"), "requirements.a": (">=2", None)},
        ),
        ({"description": "x", "size": 1}, {"size": 3}, {"description": ("x", ""), "size": (1, 3)}),
        (
            {"files": (FileEntry(path="a", size=1, sha256="0" * 64),)},
            {"files": (FileEntry(path="a", size=2000, sha256="1" * 64),)},
            {"files.a": (f"1 bytes {'0' * 12}", f"2,000 bytes {'1' * 12}")},
        ),
    ],
)
def test_each_thing_that_differs_is_named(one: Any, other: Any, expected: dict[str, tuple[Any, ...]]) -> None:
    same = {"size": 1, "digest": "sha256:1", "number": 1, "url": "u"}

    assert differences(version(**{**same, **one}), version(**{**same, **other})) == expected


def test_a_signature_is_compared_column_by_column() -> None:
    one = version(signature=signed([column("age", "long"), column("city", "string")], [column(None, "long")]), size=1)
    other = version(
        signature=signed(
            [column("age", "double"), column("income", "double", required=False)], [column(None, "double")]
        ),
        size=1,
    )

    assert differences(one, other) == {
        "signature.inputs.age": ("long", "double"),
        "signature.inputs.city": ("string", None),
        "signature.inputs.income": (None, "double, optional"),
        "signature.outputs": ("long", "double"),
    }


@pytest.mark.parametrize(
    ("signature", "columns"),
    [
        (None, {}),
        ({}, {}),
        (signed([column(None, "long"), column(None, "string")]), {"inputs.0": "long", "inputs.1": "string"}),
        (
            signed([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]),
            {"inputs": "float64 of shape [-1, 4]"},
        ),
        (
            signed(
                [column("a", "array", items={"type": "long"}), column("o", "object", properties={"x": {}, "b": {}})]
            ),
            {"inputs.a": "array of long", "inputs.o": "object of b, x"},
        ),
        ({"params": json.dumps([{"name": "t", "type": "double", "default": 0.5}])}, {"params.t": "double = 0.5"}),
        ({"inputs": "no JSON"}, {"inputs": "no JSON"}),
        ({"inputs": "[1]"}, {"inputs": "[1]"}),
        ({"inputs": '{"a": 1}'}, {"inputs": '{"a": 1}'}),
        ({"inputs": "[" * 100_000}, {"inputs": "[" * 100_000}),
        ({"inputs": [1]}, {"inputs": "[1]"}),
    ],
)
def test_a_signature_is_readable_whatever_it_says(signature: Any, columns: dict[str, str]) -> None:
    assert signature_columns(signature) == columns


def test_a_side_of_a_signature_is_one_line() -> None:
    signature = signed([column("age", "long"), column("city", "string")], [column(None, "long")])

    assert signature_line(signature, "inputs") == "age: long, city: string"
    assert signature_line(signature, "outputs") == "long"
    assert signature_line(None, "inputs") == ""


@pytest.fixture
def three() -> Comparison:
    return compare(
        [
            version(1, metrics={"auc": 0.91, "loss": 0.3}, tags={"team": "risk"}, size=1),
            version(2, metrics={"auc": 0.94, "loss": 0.3}, tags={"team": "risk"}, size=1),
            version(3, metrics={"auc": 0.9, "f1": 0.5}, tags={"team": "ads"}, size=1),
        ]
    )


def test_changes_are_against_the_first(three: Comparison) -> None:
    found = {d.field: d for d in three.differences}

    assert found["metrics.auc"].values == (0.91, 0.94, 0.9)
    assert found["metrics.auc"].changes == pytest.approx((0.03, -0.01))
    assert (found["metrics.f1"].values, found["metrics.f1"].changes) == ((None, None, 0.5), (None, None))
    assert (found["tags.team"].left, found["tags.team"].right, found["tags.team"].change) == ("risk", "ads", None)
    assert (three.left.number, three.right.number) == (1, 3)


def test_people_see_a_table_for_each_kind(three: Comparison) -> None:
    assert str(three).splitlines() == [
        "risk.churn@1, risk.churn@2 and risk.churn@3: 4 differences",
        "",
        "metrics    @1    @2  change @2   @3  change @3",
        "  auc    0.91  0.94      +0.03  0.9      -0.01",
        "  loss    0.3   0.3         +0",
        "  f1                            0.5",
        "",
        "tags    @1    @2    @3",
        "  team  risk  risk  ads",
    ]
    assert repr(three) == "Comparison(risk.churn@1, risk.churn@2 and risk.churn@3: 4 differences)"


def test_html_has_the_same_tables_escaped(three: Comparison) -> None:
    page = three._repr_html_()

    assert page.startswith("<p>risk.churn@1, risk.churn@2 and risk.churn@3: 4 differences</p>")
    assert page.count("<table>") == 2
    assert "+0.03" in page
    hostile = compare([version(1, tags={"<b>": "<i>"}), version(2)])._repr_html_()
    assert "<b>" not in hostile
    assert "<i>" not in hostile
    assert "&lt;i&gt;" in hostile


def test_a_frame_has_a_column_for_each_version_and_each_change(three: Comparison) -> None:
    frame = three.to_pandas()

    assert [(name, str(frame[name].dtype)) for name in frame.columns] == [
        ("field", "string"),
        ("risk.churn@1", "object"),
        ("risk.churn@2", "object"),
        ("change risk.churn@2", "float64"),
        ("risk.churn@3", "object"),
        ("change risk.churn@3", "float64"),
    ]
    assert list(frame["field"]) == ["metrics.auc", "metrics.loss", "metrics.f1", "tags.team"]


def test_a_version_and_itself_have_no_difference() -> None:
    same = compare([version(1), version(1)])

    assert str(same) == "risk.churn@1 and risk.churn@1: no difference"
    assert [(n, str(same.to_pandas()[n].dtype)) for n in same.to_pandas().columns] == [
        ("field", "string"),
        ("risk.churn@1 (1)", "object"),
        ("risk.churn@1 (2)", "object"),
        ("change", "float64"),
    ]


def test_versions_of_several_models_go_by_their_references() -> None:
    other = compare([version(1, size=1), version(2, name="other", size=2)])

    assert str(other).splitlines()[2] == "version  risk.churn@1  other@2  change"


def test_a_difference_is_a_row_of_its_own(three: Comparison) -> None:
    two = compare([version(1, size=1), version(2, size=3)])

    assert two.differences.rows() == [{"field": "size", "left": 1, "right": 3, "change": 2}]
    assert three.differences.rows()[-1] == {
        "field": "tags.team",
        "1": "risk",
        "2": "risk",
        "3": "ads",
        "change 2": None,
        "change 3": None,
    }
