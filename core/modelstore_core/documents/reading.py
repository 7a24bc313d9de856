"""Fields of a JSON object, narrowed to their types, with every problem collected before anything is raised."""

import math
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from modelstore_core.errors import Corrupt
from modelstore_core.model.json import Json, JsonObject

__all__ = ["Reader", "read_metrics", "write_metrics", "write_number"]

T = TypeVar("T")

_MOST = 2**63 - 1  # no count of ours gets near it, and a position beyond it would be no key
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Reader:
    """Reads typed fields out of one object; problems carry the path to the field."""

    def __init__(self, document: JsonObject, where: str, problems: list[str] | None = None, path: str = "") -> None:
        self.document = document
        self.where = where
        self.path = path
        self.problems: list[str] = [] if problems is None else problems

    def finish(self) -> None:
        """Raise `Corrupt` with all problems found so far, if there are any."""
        if self.problems:
            text = "; ".join(self.problems[:5])
            raise Corrupt(f"{self.where} is not as the format says: {text}.", value=self.where, fix="")

    def complain(self, name: str, problem: str) -> None:
        """Note a problem of one field."""
        self.problems.append(f"{self.path}{name} {problem}")

    def text(self, name: str, default: str | None = None) -> str:
        """A text field."""
        value = self.document.get(name, default)
        if isinstance(value, str):
            return value
        self.complain(name, "is not text")
        return ""

    def optional_text(self, name: str) -> str | None:
        """A text field, or null."""
        return None if self.document.get(name) is None else self.text(name)

    def integer(self, name: str, default: int | None = None) -> int:
        """A non-negative integer field."""
        value = self.document.get(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
            return value
        self.complain(name, "is not a non-negative integer of 63 bits")
        return 0

    def optional_integer(self, name: str) -> int | None:
        """A non-negative integer field, or null."""
        return None if self.document.get(name) is None else self.integer(name)

    def number(self, name: str) -> float | None:
        """A number (the non-finite ones are texts), or null."""
        value = self.document.get(name)
        if value is None:
            return None
        number = as_number(value)
        if number is None:
            self.complain(name, "is not a number")
        return number

    def boolean(self, name: str) -> bool:
        """A boolean field."""
        value = self.document.get(name)
        if isinstance(value, bool):
            return value
        self.complain(name, "is not a boolean")
        return False

    def object(self, name: str) -> JsonObject:
        """An object field; absent counts as empty."""
        value = self.document.get(name, {})
        if isinstance(value, dict):
            return value
        self.complain(name, "is not an object")
        return {}

    def optional_object(self, name: str) -> JsonObject | None:
        """An object field, or null."""
        return None if self.document.get(name) is None else self.object(name)

    def list(self, name: str) -> list[Json]:
        """A list field; absent counts as empty."""
        value = self.document.get(name, [])
        if isinstance(value, list):
            return value
        self.complain(name, "is not a list")
        return []

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; absent counts as empty."""
        values = self.list(name)
        if all(isinstance(value, str) for value in values):
            return tuple(str(value) for value in values)
        self.complain(name, "is not a list of texts")
        return ()

    def within(self, name: str, value: Json) -> "Reader":
        """A reader of an object inside this one, sharing its problems."""
        if not isinstance(value, dict):
            self.complain(name, "is not an object")
            value = {}
        return Reader(value, self.where, self.problems, f"{self.path}{name}.")

    def each(self, name: str, read: Callable[["Reader"], T]) -> tuple[T, ...]:
        """A list of objects, each read by `read`; absent counts as empty."""
        return tuple(read(self.within(f"{name}[{i}]", value)) for i, value in enumerate(self.list(name)))


def as_number(value: Json) -> float | int | None:
    """The number that a JSON value stands for, or None."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value if abs(value) <= sys.float_info.max else None
    return _NOT_FINITE.get(value) if isinstance(value, str) else None


def read_metrics(reader: Reader, name: str = "metrics") -> dict[str, float | int]:
    """A mapping of metric names to numbers."""
    metrics: dict[str, float | int] = {}
    for key, value in reader.object(name).items():
        number = as_number(value)
        if number is None:
            reader.complain(f"{name}.{key}", "is not a number")
        else:
            metrics[key] = number
    return metrics


def write_number(value: float | None) -> Json:
    """The number as JSON holds it."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def write_metrics(metrics: Mapping[str, float | int | None]) -> JsonObject:
    """Metrics as JSON holds them; None, where one is to be removed, is null."""
    return {key: write_number(value) for key, value in metrics.items()}
