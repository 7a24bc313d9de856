"""Two or more versions side by side: all in which they differ. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from modelstore_core.model.frames import Kind, data_frame
from modelstore_core.model.json import Json, JsonObject
from modelstore_core.model.listings import Records
from modelstore_core.model.records import ModelVersion
from modelstore_core.model.signatures import signature_columns
from modelstore_core.model.tables import Row, cell, html_line, html_table, printable, screen_width, text_table

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Change", "Comparison", "Difference", "Section", "compare", "shown"]

_PIN = re.compile(r"\s*([\w.-]+(?:\[[^\]]*\])?)\s*(?:==)?\s*(.*)", re.DOTALL)
_PLAIN = "version"  # the kind of fields that have no other
_KINDS = (
    *("metrics", "params", "model_params", "tags", "checks", _PLAIN),
    *("lineage", "environment", "requirements", "signature", "files"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which versions differ.

    Attributes:
        field: Such as `metrics.auc`, `requirements.numpy`, `signature.inputs.age`, `files.model.pkl`.
        values: What it is in each version, in their order; None where it is not there.
        changes: By how much each version after the first differs from the first; None unless both are numbers.
    """

    field: str
    values: tuple[Json, ...]
    changes: tuple[float | None, ...]

    @property
    def left(self) -> Json:
        """What it is in the first version."""
        return self.values[0]

    @property
    def right(self) -> Json:
        """What it is in the last version."""
        return self.values[-1]

    @property
    def change(self) -> float | None:
        """The last version's number minus the first's."""
        return self.changes[-1]

    COLUMNS: ClassVar[Mapping[str, Kind]] = {"field": "text"}

    def row(self) -> dict[str, object]:
        """The difference as one row of a table; between more than two versions, each has its columns."""
        if len(self.changes) == 1:
            return {"field": self.field, "left": self.left, "right": self.right, "change": self.change}
        values = {str(place): value for place, value in enumerate(self.values, 1)}
        return {"field": self.field, **values, **{f"change {n}": change for n, change in enumerate(self.changes, 2)}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Differences of one kind as a table: its rows, and its columns, of which the first one names the kind."""

    rows: Sequence[Row]
    columns: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Versions, and all in which they differ.

    Attributes:
        versions: Two or more, as they were asked for.
        differences: One a field, those of metrics first.
    """

    versions: tuple[ModelVersion, ...]
    differences: Records[Difference]

    @property
    def left(self) -> ModelVersion:
        """The first version."""
        return self.versions[0]

    @property
    def right(self) -> ModelVersion:
        """The last version."""
        return self.versions[-1]

    def labels(self) -> tuple[str, ...]:
        """A name for each version: its reference; with its place, if it is there twice."""
        refs = [version.ref for version in self.versions]
        return tuple(ref if refs.count(ref) == 1 else f"{ref} ({n})" for n, ref in enumerate(refs, 1))

    def rows(self) -> list[dict[str, object]]:
        """One mapping a difference: its `field`, its value in each version, and the changes against the first."""
        return self._rows(self.labels())

    def sections(self) -> list[Section]:
        """The differences by kind, for people: `metrics`, `params` and so on, each as a table of its own."""
        labels = self.labels()
        if len({version.name for version in self.versions}) == 1:
            labels = tuple(label.removeprefix(self.left.name) for label in labels)
        return [_section(kind, [*rows]) for kind, rows in groupby(self._rows(labels), key=_kind_of_row)]

    def to_pandas(self) -> "DataFrame":
        """One row a difference, with a column for each version, and one for each change against the first.

        Raises:
            MissingExtra: pandas is not installed.
        """
        labels = self.labels()
        changes = _change_labels(labels)
        kinds: dict[str, Kind] = {"field": "text", **dict.fromkeys(labels, "json"), **dict.fromkeys(changes, "float")}
        columns = ["field", labels[0], *(c for pair in zip(labels[1:], changes, strict=True) for c in pair)]
        return data_frame(self.rows(), columns, kinds)

    def _rows(self, labels: Sequence[str]) -> list[dict[str, object]]:
        return [{"field": one.field, **_values(labels, one)} for one in self.differences]

    def summary(self) -> str:
        """One line: what was compared, and how much is different."""
        count = len(self.differences)
        said = f"{count} difference{'' if count == 1 else 's'}" if count else "no difference"
        *refs, last = (version.ref for version in self.versions)
        return f"{', '.join(refs)} and {last}: {said}"

    def __str__(self) -> str:
        width = screen_width()
        tables = [text_table(part.rows, part.columns, width, show=shown) for part in self.sections()]
        return "\n\n".join([printable(self.summary()), *tables])

    def __repr__(self) -> str:
        return printable(f"Comparison({self.summary()})")

    def _repr_html_(self) -> str:
        return html_line(self.summary()) + "".join(
            html_table(part.rows, part.columns, show=shown) for part in self.sections()
        )


def compare(versions: Sequence[ModelVersion]) -> Comparison:
    """All in which the versions differ: metrics, params, tags, environment, requirements, signature, files."""
    flat = [_comparable(version) for version in versions]
    fields = dict.fromkeys(field for one in flat for field in one)
    differences = []
    for field in sorted(fields, key=lambda field: _KINDS.index(_kind_of(field))):
        values = tuple(one.get(field) for one in flat)
        if any(_differ(values[0], other) for other in values[1:]):
            changes = tuple(_change(values[0], other) for other in values[1:])
            differences.append(Difference(field=field, values=values, changes=changes))
    return Comparison(versions=tuple(versions), differences=Records(differences, Difference))


def shown(value: object) -> str:
    """A cell of a section: changes with their sign, and without the digits that binary fractions add."""
    return f"{value:+.6g}" if isinstance(value, Change) else cell(value)


class Change(float):
    """By how much a number differs from the first version's."""


def _comparable(version: ModelVersion) -> dict[str, Json]:
    """What a version is, field by field; not who made it, when, and where it lies."""
    environment = dict(version.environment)
    requirements = environment.pop("requirements", None)
    plain: dict[str, Json] = {key: getattr(version, key) for key in ("description", "format", "model_type", "size")}
    named: dict[str, Mapping[str, Json]] = {
        "metrics": dict(version.metrics),
        "checks": {name: check.passed for name, check in version.checks.items()},
        "params": version.params,
        "model_params": version.model_params,
        "tags": dict(version.tags),
        _PLAIN: plain,
        "lineage": dict(_flat(version.lineage)),
        "environment": dict(_flat(environment)),
        "requirements": _requirements(requirements),
        "signature": dict(signature_columns(version.signature)),
        "files": {file.path: f"{file.size:,} bytes {file.sha256[:12]}" for file in version.files},
    }
    fields = {_field(kind, name): value for kind, values in named.items() for name, value in values.items()}
    return {field: value for field, value in fields.items() if value is not None}


def _field(kind: str, name: str) -> str:
    return name if kind == _PLAIN else f"{kind}.{name}"


def _flat(document: JsonObject, prefix: str = "") -> Iterator[tuple[str, Json]]:
    for key, value in document.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _requirements(pins: Json) -> dict[str, Json]:
    """Package → version, or what else is asked of it."""
    texts = [pin for pin in pins if isinstance(pin, str)] if isinstance(pins, list) else []
    matches = [match for match in map(_PIN.fullmatch, texts) if match]
    return {match[1]: match[2] or "any" for match in matches}


def _kind_of(field: str) -> str:
    return field.partition(".")[0] if "." in field else _PLAIN


def _kind_of_row(row: Row) -> str:
    return _kind_of(str(row["field"]))


def _differ(one: Json, other: Json) -> bool:
    if one != one and other != other:  # noqa: PLR0124 -- NaN
        return False
    return one != other or isinstance(one, bool) is not isinstance(other, bool)


def _change(first: Json, other: Json) -> float | None:
    if isinstance(first, bool) or isinstance(other, bool):
        return None
    if isinstance(first, int | float) and isinstance(other, int | float):
        return other - first
    return None


def _change_labels(labels: Sequence[str]) -> list[str]:
    return ["change"] if len(labels) == 2 else [f"change {label}" for label in labels[1:]]  # noqa: PLR2004


def _values(labels: Sequence[str], difference: Difference) -> dict[str, object]:
    """Each version's value, and its change beside it."""
    first, *others = difference.values  # noqa: PD011 -- no frame
    row: dict[str, object] = {labels[0]: first}
    further = zip(labels[1:], others, _change_labels(labels), difference.changes, strict=True)
    for label, value, change, amount in further:
        row |= {label: value, change: None if amount is None else Change(amount)}
    return row


def _section(kind: str, rows: Sequence[Row]) -> Section:
    """The rows under the name of their kind, without changes where nothing is a number."""
    named = [{kind: f"  {row['field']}".replace(f"  {kind}.", "  ", 1), **row} for row in rows]
    empty = {name for name in rows[0] if name.startswith("change") and all(row[name] is None for row in rows)}
    return Section(rows=named, columns=[kind, *(name for name in rows[0] if name not in {"field", *empty})])
