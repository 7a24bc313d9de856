"""The gates say what MLflow says: of its thresholds, and of whether data for one signature pass another's schema."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.evaluation import EvaluationResult, validation
from mlflow.models.utils import _enforce_schema
from mlflow.types.schema import Schema

from modelstore_core import InvalidInput, KeepsSignature, Side
from modelstore_core.model.gates import checked_gates

MetricThreshold: Any = validation.MetricThreshold
Result: Any = EvaluationResult

values = st.integers(-20, 20).map(lambda n: n / 4)
steps = st.sampled_from([None, 0.25, 0.5, 1.0])
thresholds: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "threshold": st.none() | values,
        "min_absolute_change": steps,
        "min_relative_change": steps,
        "greater_is_better": st.booleans(),
    }
).filter(lambda wanted: any(value is not None for name, value in wanted.items() if name != "greater_is_better"))


def mlflow_says(thresholds: dict[str, Any], new: dict[str, float], old: dict[str, float] | None) -> bool:
    baseline = None if old is None else Result(metrics=old, artifacts={})
    try:
        validation.validate_evaluation_results(thresholds, Result(metrics=new, artifacts={}), baseline)
    except validation.ModelValidationFailedException:
        return False
    return True


def we_say(thresholds: dict[str, Any], new: dict[str, float], old: dict[str, float] | None) -> bool:
    current = None if old is None else Side(ref="m@1", metrics=old)
    return all(gate.judge(Side(ref="m@2", metrics=new), current).passed for gate in checked_gates(thresholds))


@given(thresholds, st.none() | values, values)
def test_a_threshold_of_mlflow_asks_what_it_asks_there(wanted: dict[str, Any], new: float | None, old: float) -> None:
    """In quarters, which binary numbers hold exactly: where they do not, what people take for equal is equal to us."""
    rule = {"auc": MetricThreshold(**wanted)}
    metrics = {} if new is None else {"auc": new}

    assert we_say(rule, metrics, {"auc": old}) == mlflow_says(rule, metrics, {"auc": old})


@given(thresholds, st.none() | values)
def test_without_a_current_version_only_comparisons_are_let_pass(wanted: dict[str, Any], new: float | None) -> None:
    """There MLflow refuses for want of a baseline, and no alias could ever be set."""
    rule = {"auc": MetricThreshold(**wanted)}
    metrics = {} if new is None else {"auc": new}
    compares = wanted["min_absolute_change"] is not None or wanted["min_relative_change"] is not None
    alone = {**wanted, "min_absolute_change": None, "min_relative_change": None}
    passes = new is not None
    if wanted["threshold"] is not None:
        passes = mlflow_says({"auc": MetricThreshold(**alone)}, metrics, None)

    assert we_say(rule, metrics, None) == passes
    assert not (compares and mlflow_says(rule, metrics, None))


def test_a_relative_change_of_nothing_asks_for_better_while_mlflow_takes_the_same() -> None:
    rule = {"auc": MetricThreshold(min_relative_change=0.0, greater_is_better=True)}

    assert mlflow_says(rule, {"auc": 0.9}, {"auc": 0.9})
    assert not we_say(rule, {"auc": 0.9}, {"auc": 0.9})
    assert we_say(rule, {"auc": 0.91}, {"auc": 0.9})


def test_what_a_threshold_becomes_can_be_stored() -> None:
    rule = MetricThreshold(threshold=0.3, min_relative_change=0.1, greater_is_better=False)

    assert [str(gate) for gate in checked_gates({"loss": rule})] == [
        "loss <= 0.3",
        "loss below the current version's by at least 10 %",
    ]
    with pytest.raises(InvalidInput, match="metric of AtMost must be text"):
        checked_gates({3: rule})  # type: ignore[dict-item]


def signature(inputs: list[dict[str, Any]] | None, outputs: list[dict[str, Any]] | None = None) -> Side:
    parts = {"inputs": inputs, "outputs": outputs}
    made = {part: None if columns is None else json.dumps(columns) for part, columns in parts.items()}
    return Side(ref="m@1", metrics={}, signature={**made, "params": None})


def compatible(new: Side, old: Side) -> bool:
    return KeepsSignature(compatible=True).judge(new, old).passed


def column(kind: dict[str, Any] | str, name: str | None = None, *, required: bool = True) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {**({"type": kind} if isinstance(kind, str) else kind), **named, "required": required}


PLAIN = {"long": 3, "double": 0.5, "string": "a", "boolean": True}
kinds = st.sampled_from([*PLAIN])
nested: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(lambda kind: {"type": kind}, kinds),
    lambda inner: st.one_of(
        st.builds(lambda kind: {"type": "array", "items": kind}, inner),
        st.builds(lambda kind: {"type": "map", "values": kind}, inner),
        st.builds(
            lambda parts: {"type": "object", "properties": parts},
            st.dictionaries(
                st.sampled_from("xy"),
                st.builds(lambda kind, required: {**kind, "required": required}, inner, st.booleans()),
                min_size=1,
            ),
        ),
    ),
    max_leaves=3,
)
schemas = st.dictionaries(st.sampled_from("abc"), st.tuples(nested, st.booleans()), min_size=1, max_size=3).map(
    lambda columns: [column(kind, name, required=required) for name, (kind, required) in columns.items()]
)


def examples(kind: dict[str, Any]) -> Iterator[Any]:
    """Some values of a type, with and without its optional parts."""
    match kind["type"]:
        case "array":
            yield from ([one] for one in examples(kind["items"]))
        case "map":
            yield from ({"k": one} for one in examples(kind["values"]))
        case "object":
            for chosen in _chosen(kind["properties"].items()):
                parts = [[(name, one) for one in examples(part)] for name, part in chosen]
                yield from (dict(choice) for choice in itertools.product(*parts))
        case plain:
            yield PLAIN[plain]


def _chosen(columns: Any) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Choices of columns: all required ones, and each subset of the others."""
    columns = [*columns]
    optional = [name for name, one in columns if not one.get("required", True)]
    for count in range(len(optional) + 1):
        for without in itertools.combinations(optional, count):
            yield [(name, one) for name, one in columns if name not in without]


def passes(schema: list[dict[str, Any]], row: dict[str, Any]) -> bool:
    import pandas as pd

    frame = pd.DataFrame({name: pd.Series([value], dtype=_dtype(value)) for name, value in row.items()})
    try:
        _enforce_schema(frame, Schema.from_json(json.dumps(schema)))
    except MlflowException:
        return False
    return True


def _dtype(value: Any) -> Any:
    return {bool: "bool", int: "int64", float: "float64"}.get(type(value), "object")


def rows_of(schema: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some rows that fit the schema."""
    rows = (
        dict(choice)
        for chosen in _chosen((one["name"], one) for one in schema)
        for choice in itertools.product(*([(name, one) for one in examples(kind)] for name, kind in chosen))
    )
    return [*itertools.islice(rows, 60)]


@st.composite
def near(draw: st.DrawFn, kind: dict[str, Any]) -> dict[str, Any]:
    """Another type that is not far away: parts of objects gone, come, or needed or not, somewhere inside."""
    match kind["type"]:
        case "array":
            return {"type": "array", "items": draw(near(kind["items"]))}
        case "map":
            return {"type": "map", "values": draw(near(kind["values"]))}
        case "object":
            parts = {name: part for name, part in kind["properties"].items() if draw(st.integers(0, 2))}
            parts = {name: {**part, "required": draw(st.booleans())} for name, part in parts.items()}
            come: dict[str, Any] = {"w": {"type": "long", "required": draw(st.booleans())}}
            comes = not parts or draw(st.booleans())
            return {"type": "object", "properties": {**parts, **come} if comes else parts}
        case _:
            other: dict[str, Any] = draw(nested)
            return other


@st.composite
def changed(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A schema, and another one: some columns gone or come, optional or required now, or of another type."""
    old = draw(schemas)
    new = []
    for one in old:
        match draw(st.sampled_from(["same", "same", "gone", "optional", "required", "type", "type"])):
            case "same":
                new.append(one)
            case "optional" | "required" as now:
                new.append({**one, "required": now == "required"})
            case "type":
                new.append(column(draw(near(one)), one["name"], required=one["required"]))
    come = [column(draw(nested), "d", required=draw(st.booleans()))] if draw(st.booleans()) else []
    both = [column("long", "z")]  # so that no row is without a column, which no frame could be
    return old + both, new + come + both


@given(changed())
def test_what_is_compatible_takes_all_that_the_other_took(
    schemas: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    old, new = schemas
    rows = rows_of(old)
    assert all(passes(old, row) for row in rows)

    if compatible(signature(new), signature(old)):
        assert [row for row in rows if not passes(new, row)] == []


@given(changed())
def test_what_is_not_compatible_has_a_changed_type_or_refuses_what_the_other_took(
    schemas: tuple[list[dict[str, Any]], list[dict[str, Any]]],
) -> None:
    """A changed type we refuse where MLflow would widen a number, or is content with the parts that are there."""
    old, new = schemas
    types = {one["name"]: type_of(one) for one in old}
    same = all(type_of(one) == types.get(one["name"], type_of(one)) for one in new)
    rows = rows_of(old)

    if same and not compatible(signature(new), signature(old)):
        assert [row for row in rows if not passes(new, row)]


def type_of(column: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in column.items() if name not in {"name", "required"}}


def test_a_signature_of_mlflow_is_kept_by_itself() -> None:
    from mlflow.models import infer_signature

    made: ModelSignature = infer_signature([{"a": 1, "b": {"c": [1.5]}}], [0.5], params={"temperature": 0.1})
    side = Side(ref="m@1", metrics={}, signature=made.to_dict())

    assert KeepsSignature().judge(side, side).passed
    assert compatible(side, side)
