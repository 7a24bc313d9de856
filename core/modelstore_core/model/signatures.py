"""A model's signature as people read it: each input, output and parameter with its type. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from modelstore_core.model.json import JsonObject

__all__ = ["signature_columns", "signature_line"]

_SIDES = ("inputs", "outputs", "params")


def signature_columns(signature: JsonObject | None) -> dict[str, str]:
    """What each column of the signature is: `{"inputs.age": "long", "outputs": "double"}`.

    A side that is one column without a name goes by the name of the side; of no known form, it is there as recorded.
    """
    found: dict[str, str] = {}
    for side in _SIDES:
        text = (signature or {}).get(side)
        if text is not None:
            found |= {f"{side}.{name}" if name else side: kind for name, kind in _side(text).items()}
    return found


def signature_line(signature: JsonObject | None, side: str) -> str:
    """One side of the signature in one line: `age: long, city: string`."""
    text = (signature or {}).get(side)
    columns = {} if text is None else _side(text)
    return ", ".join(f"{name}: {kind}" if name else kind for name, kind in columns.items())


def _side(text: object) -> dict[str, str]:
    """Name → type of one side, which is JSON within JSON."""
    if not isinstance(text, str):
        return {"": json.dumps(text, ensure_ascii=False)}
    try:
        return dict(_columns(json.loads(text)))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {"": text}


def _columns(specs: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for place, spec in enumerate(specs):
        nameless = "" if len(specs) == 1 else str(place)
        yield str(spec.get("name", nameless)), _kind(spec)


def _kind(spec: Mapping[str, Any]) -> str:
    kind = spec["type"]
    if kind == "tensor":
        tensor = spec["tensor-spec"]
        kind = f"{tensor['dtype']} of shape {tensor['shape']}"
    elif kind == "array":
        kind = f"array of {_kind(spec['items'])}"
    elif kind == "object":
        kind = f"object of {', '.join(sorted(spec['properties']))}"
    default = f" = {json.dumps(spec['default'], ensure_ascii=False)}" if "default" in spec else ""
    return f"{kind}{default}" + ("" if spec.get("required", True) else ", optional")
