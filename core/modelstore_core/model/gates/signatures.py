"""The gate on signatures, and when what was made for one model can be given to another."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from modelstore_core.model.gates.sides import Rule, Side, check_switch
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.operations import Finding

__all__ = ["KeepsSignature"]

_ANY = "any"
_NESTED = {"array": "items", "map": "values"}


@dataclass(frozen=True, slots=True)
class KeepsSignature(Rule):
    """The candidate's signature is the current version's: equal, or (with `compatible`) fit to take its place.

    Compatible: what MLflow lets pass to the current version it lets pass to the candidate, which has no new required
    input and none of another type, while optional ones may come and named ones may go; and all outputs are still there,
    of the same types. A signature that is missing on either side does not pass; where the alias points to nothing yet,
    having one is enough.
    """

    kind: ClassVar[str] = "keeps_signature"

    compatible: bool = False

    def __post_init__(self) -> None:
        check_switch("KeepsSignature", "compatible", self.compatible)

    def __str__(self) -> str:
        return f"{'fits' if self.compatible else 'has'} the current version's signature"

    def judge(self, candidate: Side, current: Side | None) -> Finding:
        """Compare both sides' signatures; the message has the first differences."""
        if candidate.signature is None:
            return self.found(f"{candidate.ref} has no signature", passed=False)
        if current is None:
            said = f"{candidate.ref} has a signature, and there is no current version with another"
            return self.found(said, passed=True)
        if current.signature is None:
            return self.found(f"{current.ref} has no signature to be kept", passed=False)
        problems = _problems(candidate.signature, current.signature, compatible=self.compatible)
        if not problems:
            return self.found(f"{candidate.ref} keeps the signature of {current.ref}", passed=True)
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        said = f"{candidate.ref} does not keep the signature of {current.ref}: {', '.join(problems[:_SHOWN])}{more}"
        return self.found(said, passed=False)


_SHOWN = 3


def _problems(candidate: JsonObject, current: JsonObject, *, compatible: bool) -> list[str]:
    new, old = (
        {part: _schema(one.get(part)) for part in ("inputs", "outputs", "params")} for one in (candidate, current)
    )
    if not compatible:
        return [f"other {part}" for part in new if _plain(new[part]) != _plain(old[part])]
    return [
        *_unfit(new["inputs"], old["inputs"], _INPUTS),
        *_unfit(old["outputs"], new["outputs"], _OUTPUTS),
        *_unfit_params(new["params"], old["params"]),
    ]


def _schema(part: Json) -> Json:
    """One part of a signature, which MLflow keeps as JSON within JSON."""
    if not isinstance(part, str):
        return part
    try:
        schema: Json = json.loads(part)
    except (ValueError, RecursionError):
        return part
    return schema


def _plain(schema: Json) -> Json:
    """The schema with what MLflow takes for granted written out."""
    if isinstance(schema, list):
        return [_plain(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {"required": True, **{name: _plain(value) for name, value in schema.items()}}


def _unfit(taker: Json, given: Json, words: "_Words") -> list[str]:
    """Why what fits the schema `given` may not fit the schema `taker`."""
    wanted, there = _columns(taker), _columns(given)
    if wanted is None:
        return []  # nothing was ever said of it
    if there is None:
        return [f"{words.part} are not described"]
    positional = any(isinstance(name, int) for name in (*wanted, *there))
    if positional and [*wanted] != [*there]:
        return [f"{words.part} are other columns"]
    named = {name: words.name(name) for name in wanted}
    return [f"{named[name]} {why}" for name in wanted if (why := _misfit(wanted[name], there.get(name), words))]


@dataclass(frozen=True, slots=True)
class _Words:
    """How to speak of inputs, or of outputs; of the latter none may go, and parts of objects may come."""

    part: str
    absent: str
    needed: str
    outputs: bool

    def name(self, name: str | int) -> str:
        one = self.part.removesuffix("s")
        return f"{one} {name + 1}" if isinstance(name, int) else f"{one} {name}"


_INPUTS = _Words("inputs", absent="is new and required", needed="is required now", outputs=False)
_OUTPUTS = _Words("outputs", absent="is gone", needed="may be missing now", outputs=True)


def _columns(schema: Json) -> Mapping[str | int, JsonObject] | None:
    """The columns or tensors by name, or by place if they have none; None if nothing is known."""
    if not isinstance(schema, list):
        return None
    columns = [column for column in schema if isinstance(column, dict)]
    return {place if (name := c.get("name")) is None else str(name): c for place, c in enumerate(columns)}


def _misfit(taker: JsonObject, given: JsonObject | None, words: _Words) -> str:
    """What is wrong with one column; "" if nothing is."""
    if given is None:
        return words.absent if words.outputs or _required(taker) else ""
    if not _takes(taker, given, words):
        return f"is {_type(given if words.outputs else taker)} instead of {_type(taker if words.outputs else given)}"
    return words.needed if _required(taker) and not _required(given) else ""


def _required(column: JsonObject) -> bool:
    return column.get("required") is not False


def _takes(taker: Json, given: Json, words: _Words) -> bool:
    """Whether every value of the type `given` is one of the type `taker`."""
    if not isinstance(taker, dict) or not isinstance(given, dict):
        return taker == given
    kind = taker.get("type")
    if kind == _ANY:
        return True
    if kind != given.get("type"):
        return False
    if kind == "tensor":
        return _takes_tensor(taker.get("tensor-spec"), given.get("tensor-spec"))
    if kind == "object":
        return _takes_object(_properties(taker), _properties(given), words)
    inner = _NESTED.get(kind) if isinstance(kind, str) else None
    return inner is None or _takes(taker.get(inner), given.get(inner), words)


def _takes_tensor(taker: Json, given: Json) -> bool:
    if not isinstance(taker, dict) or not isinstance(given, dict) or taker.get("dtype") != given.get("dtype"):
        return False
    new, old = taker.get("shape"), given.get("shape")
    if not isinstance(new, list) or not isinstance(old, list) or len(new) != len(old):
        return new == old
    return all(free in (-1, dimension) for free, dimension in zip(new, old, strict=True))


def _takes_object(taker: Mapping[str, JsonObject], given: Mapping[str, JsonObject], words: _Words) -> bool:
    known = words.outputs or given.keys() <= taker.keys()  # MLflow refuses parts of an object that it does not know
    return known and not any(_misfit(one, given.get(name), words) for name, one in taker.items())


def _properties(column: JsonObject) -> Mapping[str, JsonObject]:
    found = column.get("properties")
    return {name: one for name, one in found.items() if isinstance(one, dict)} if isinstance(found, dict) else {}


def _type(column: JsonObject) -> str:
    """A column's type as a person reads it, such as `double` or `tensor float64 (-1, 3)`."""
    spec = column.get("tensor-spec")
    if isinstance(spec, dict) and isinstance(shape := spec.get("shape"), list):
        return f"tensor {spec.get('dtype')} ({', '.join(map(str, shape))})"
    return str(column.get("type"))


def _unfit_params(new: Json, old: Json) -> list[str]:
    """Why params that could be given to the current version may not do the same to the candidate."""
    mine, theirs = _columns(new) or {}, _columns(old) or {}
    gone = [f"param {name} is gone" for name in theirs if name not in mine]
    keys: Sequence[str] = ("type", "dtype", "shape", "properties")
    return gone + [
        f"param {name} is of another type"
        for name, param in theirs.items()
        if name in mine and [mine[name].get(key) for key in keys] != [param.get(key) for key in keys]
    ]
