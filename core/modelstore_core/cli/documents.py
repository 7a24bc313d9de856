"""Records and errors as JSON: the field names are those of the Python API, so they are as stable as it is."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from modelstore_core.cli.exits import Declined
from modelstore_core.errors import ModelStoreError
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.records import ModelVersion

__all__ = ["as_document", "error_document", "write_json"]

_SHOWN = frozenset({"what", "value", "fix"})
_REPORT = "MODELSTORE_DEBUG=1 shows where; please report it."


def as_document(value: object) -> Json:
    """Any record, sequence or plain value as JSON; what JSON has no form for becomes its text.

    Times are ISO 8601 in UTC with microseconds; numbers that are not finite are "NaN", "Infinity", "-Infinity".
    """
    match value:
        case None | str() | bool():
            return value
        case int():
            return int(value)
        case float():
            return value if math.isfinite(value) else _not_finite(value)
        case datetime():
            return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
        case Mapping():
            return {str(key): as_document(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [as_document(item) for item in value]
        case ModelVersion():
            return {"ref": value.ref, **_fields(value)}
        case _:
            return _fields(value) if is_dataclass(value) else str(value)


def error_document(error: BaseException) -> JsonObject:
    """An error as JSON: its kind, what happened, what to do, the offending value, and what else it carries."""
    if isinstance(error, Declined | KeyboardInterrupt):
        return {"error": "interrupted", "message": str(error) or "Interrupted.", "fix": "", "value": None}
    if not isinstance(error, ModelStoreError):
        return {"error": "unexpected", "message": f"{type(error).__name__}: {error}.", "fix": _REPORT, "value": None}
    more = {key: as_document(item) for key, item in vars(error).items() if key not in _SHOWN and key[0] != "_"}
    return {"error": error.kind, "message": error.what, "fix": error.fix, "value": as_document(error.value), **more}


def write_json(document: Json) -> str:
    """The document in ASCII, so that no terminal or encoding can spoil it."""
    return json.dumps(document, indent=2, allow_nan=False)


def _fields(record: object) -> JsonObject:
    assert is_dataclass(record)
    return {field.name: as_document(getattr(record, field.name)) for field in fields(record)}


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
