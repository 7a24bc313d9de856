"""When a candidate's signature keeps the current version's."""

import json
from typing import Any

import pytest

from modelstore_core import KeepsSignature, Side

AGE = {"name": "age", "type": "long", "required": True}
CITY = {"name": "city", "type": "string", "required": False}
SCORE = {"name": "score", "type": "double", "required": True}
WHY = {"name": "why", "type": "string", "required": False}


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    named = {} if name is None else {"name": name}
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [*shape]}, **named}


def side(number: int, **parts: Any) -> Side:
    made = {
        part: None if (value := parts.get(part)) is None else json.dumps(value)
        for part in ("inputs", "outputs", "params")
    }
    return Side(ref=f"m@{number}", metrics={}, signature=made)  # type: ignore[arg-type]


def obj(**parts: Any) -> dict[str, Any]:
    return {"type": "object", "properties": parts}


TEXT, NUMBER = {"type": "string", "required": True}, {"type": "double", "required": True}
MAYBE = {"type": "string", "required": False}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [  # what, current, candidate, what is wrong
    ("the same", {"inputs": [AGE, CITY]}, {"inputs": [AGE, CITY]}, ""),
    ("in another order", {"inputs": [AGE, CITY]}, {"inputs": [CITY, AGE]}, ""),
    ("an optional input comes", {"inputs": [AGE]}, {"inputs": [AGE, CITY]}, ""),
    ("a required input comes", {"inputs": [CITY]}, {"inputs": [CITY, AGE]}, "input age is new and required"),
    ("an input goes", {"inputs": [AGE, CITY]}, {"inputs": [AGE]}, ""),
    ("required now", {"inputs": [CITY]}, {"inputs": [{**CITY, "required": True}]}, "input city is required now"),
    ("optional now", {"inputs": [AGE]}, {"inputs": [{**AGE, "required": False}]}, ""),
    ("required if not said", {"inputs": [AGE]}, {"inputs": [{"name": "age", "type": "long"}]}, ""),
    (
        "another type",
        {"inputs": [AGE]},
        {"inputs": [{**AGE, "type": "double"}]},
        "input age is double instead of long",
    ),
    ("any now", {"inputs": [AGE]}, {"inputs": [{**AGE, "type": "any"}]}, ""),
    ("no longer any", {"inputs": [{**AGE, "type": "any"}]}, {"inputs": [AGE]}, "input age is long instead of any"),
    ("inputs not described any more", {"inputs": [AGE]}, {}, ""),
    ("inputs described now", {}, {"inputs": [AGE]}, "inputs are not described"),
    ("names lost", {"inputs": [AGE]}, {"inputs": [{"type": "long"}]}, "inputs are other columns"),
    ("by place", {"inputs": [{"type": "long"}]}, {"inputs": [{"type": "long"}]}, ""),
    ("one place more", {"inputs": [{"type": "long"}]}, {"inputs": [{"type": "long"}] * 2}, "inputs are other columns"),
    ("by place of another type", {"inputs": [{"type": "long"}]}, {"inputs": [{"type": "string"}]}, "input 1 is string"),
    ("an output comes", {"outputs": [SCORE]}, {"outputs": [SCORE, WHY]}, ""),
    ("an output goes", {"outputs": [SCORE, WHY]}, {"outputs": [SCORE]}, "output why is gone"),
    (
        "an output of another type",
        {"outputs": [SCORE]},
        {"outputs": [{**SCORE, "type": "long"}]},
        "output score is long instead of double",
    ),
    (
        "an output may be missing",
        {"outputs": [SCORE]},
        {"outputs": [{**SCORE, "required": False}]},
        "output score may be missing now",
    ),
    ("outputs not described any more", {"outputs": [SCORE]}, {}, "outputs are not described"),
    ("outputs described now", {}, {"outputs": [SCORE]}, ""),
    ("the same tensor", {"inputs": [tensor("float32", -1, 3)]}, {"inputs": [tensor("float32", -1, 3)]}, ""),
    ("a freer tensor", {"inputs": [tensor("float32", 8, 3)]}, {"inputs": [tensor("float32", -1, 3)]}, ""),
    (
        "a tensor that is fixed now",
        {"inputs": [tensor("float32", -1, 3)]},
        {"inputs": [tensor("float32", 8, 3)]},
        "input 1 is tensor float32 (8, 3) instead of tensor float32 (-1, 3)",
    ),
    (
        "a tensor of another type",
        {"inputs": [tensor("float32", -1)]},
        {"inputs": [tensor("float64", -1)]},
        "input 1 is tensor float64 (-1)",
    ),
    (
        "more dimensions",
        {"inputs": [tensor("int8", -1)]},
        {"inputs": [tensor("int8", -1, 2)]},
        "input 1 is tensor int8",
    ),
    ("an output tensor that is fixed now", {"outputs": [tensor("int8", -1)]}, {"outputs": [tensor("int8", 8)]}, ""),
    (
        "an output tensor that is free now",
        {"outputs": [tensor("int8", 8)]},
        {"outputs": [tensor("int8", -1)]},
        "output 1 is tensor int8 (-1)",
    ),
    (
        "a tensor for columns",
        {"inputs": [AGE]},
        {"inputs": [tensor("int8", -1, name="age")]},
        "input age is tensor int8",
    ),
    (
        "a named tensor comes",
        {"inputs": [tensor("int8", -1, name="a")]},
        {"inputs": [tensor("int8", -1, name="a"), tensor("int8", -1, name="b")]},
        "input b is new and required",
    ),
    ("a part comes, optional", {"inputs": [obj(x=TEXT)]}, {"inputs": [obj(x=TEXT, y=MAYBE)]}, ""),
    ("a part comes, required", {"inputs": [obj(x=TEXT)]}, {"inputs": [obj(x=TEXT, y=TEXT)]}, "input 1 is object"),
    ("a part goes, which MLflow refuses", {"inputs": [obj(x=TEXT, y=TEXT)]}, {"inputs": [obj(x=TEXT)]}, "input 1 is"),
    ("a part is required now", {"inputs": [obj(x=MAYBE)]}, {"inputs": [obj(x=TEXT)]}, "input 1 is"),
    ("a part of another type", {"inputs": [obj(x=TEXT)]}, {"inputs": [obj(x=NUMBER)]}, "input 1 is"),
    ("a part of an output comes", {"outputs": [obj(x=TEXT)]}, {"outputs": [obj(x=TEXT, y=TEXT)]}, ""),
    ("a part of an output goes", {"outputs": [obj(x=TEXT, y=TEXT)]}, {"outputs": [obj(x=TEXT)]}, "output 1 is"),
    (
        "items of another type",
        {"inputs": [{"type": "array", "items": TEXT}]},
        {"inputs": [{"type": "array", "items": NUMBER}]},
        "input 1 is array",
    ),
    (
        "parts of items may come",
        {"inputs": [{"type": "array", "items": obj(x=TEXT)}]},
        {"inputs": [{"type": "array", "items": obj(x=TEXT, y=MAYBE)}]},
        "",
    ),
    (
        "values of another type",
        {"inputs": [{"type": "map", "values": TEXT}]},
        {"inputs": [{"type": "map", "values": NUMBER}]},
        "input 1 is map",
    ),
    ("a param comes", {"params": []}, {"params": [{"name": "t", "type": "float", "default": 1}]}, ""),
    ("no params before", {}, {"params": [{"name": "t", "type": "float", "default": 1}]}, ""),
    ("a param goes", {"params": [{"name": "t", "type": "float", "default": 1}]}, {}, "param t is gone"),
    (
        "another default",
        {"params": [{"name": "t", "type": "float", "default": 1}]},
        {"params": [{"name": "t", "type": "float", "default": 2}]},
        "",
    ),
    (
        "a param of another type",
        {"params": [{"name": "t", "type": "float", "default": 1}]},
        {"params": [{"name": "t", "type": "long", "default": 1}]},
        "param t is of another type",
    ),
]


@pytest.mark.parametrize(("current", "candidate", "wrong"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_a_compatible_signature(current: dict[str, Any], candidate: dict[str, Any], wrong: str) -> None:
    found = KeepsSignature(compatible=True).judge(side(2, **candidate), side(1, **current))

    assert found.passed == (not wrong), found.message
    assert wrong in found.message


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_an_equal_signature_is_equal_but_for_what_goes_without_saying(part: str) -> None:
    unsaid = {"name": "age", "type": "long"}

    assert KeepsSignature().judge(side(2, **{part: [AGE]}), side(1, **{part: [unsaid]})).passed
    found = KeepsSignature().judge(side(2, **{part: [AGE, CITY]}), side(1, **{part: [AGE]}))
    assert (found.passed, found.message) == (False, f"m@2 does not keep the signature of m@1: other {part}")


def test_a_signature_that_is_missing_does_not_pass() -> None:
    bare, there = Side(ref="m@2", metrics={}), side(1, inputs=[AGE])

    for compatible in (True, False):
        gate = KeepsSignature(compatible)
        assert not gate.judge(bare, there).passed
        assert not gate.judge(there, bare).passed
        assert not gate.judge(bare, None).passed
        assert gate.judge(there, None).passed


def test_of_many_differences_the_first_are_named() -> None:
    old = [{**AGE, "name": str(i)} for i in range(5)]
    new = [{**one, "type": "double"} for one in old]

    assert (
        KeepsSignature(compatible=True)
        .judge(side(2, inputs=new), side(1, inputs=old))
        .message.endswith("input 2 is double instead of long and 2 more")
    )


@pytest.mark.parametrize("text", ["", "[", "{}", "null", "[3]", "[" * 100_000, '[{"type": 3}]', '[{"type": "object"}]'])
def test_a_signature_that_nobody_understands_is_judged_all_the_same(text: str) -> None:
    odd = Side(ref="m@2", metrics={}, signature={"inputs": text, "outputs": text, "params": text})

    for compatible in (True, False):
        gate = KeepsSignature(compatible)
        assert gate.judge(odd, odd).passed
        assert isinstance(gate.judge(odd, side(1, inputs=[AGE], outputs=[AGE])).passed, bool)
        assert isinstance(gate.judge(side(1, inputs=[AGE], outputs=[AGE]), odd).passed, bool)
