"""The best version by one number. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from modelstore_core.errors import InvalidInput, InvalidQuery, VersionNotFound
from modelstore_core.model.records import ModelVersion
from modelstore_core.model.tables import printable
from modelstore_core.search.fields import VERSION, Field, as_number
from modelstore_core.search.ordering import Term, is_placeless, ordered, parse_order

__all__ = ["Best"]

_MOST = 20  # metrics that a message names


@dataclass(frozen=True, slots=True)
class Best:
    """Which number is asked about, and whether more of it is better."""

    field: Field
    most: bool

    @classmethod
    def parse(cls, field: str, direction: Literal["max", "min"]) -> "Best":
        """What the words stand for.

        Raises:
            InvalidQuery: There is no such field.
            InvalidInput: Its values are never numbers, or the direction is another word.
        """
        if direction not in ("max", "min"):
            raise InvalidInput(f"direction={direction!r} is no direction.", value=direction, fix="Pass 'max' or 'min'.")
        if not isinstance(field, str):
            raise InvalidQuery(f"{field!r} is no field.", value=field, fix="Name one, such as 'metrics.auc'.")
        terms = parse_order(field, VERSION)
        found = terms[0].field
        if len(terms) > 1 or terms[0].descending or found.family not in {"number", "loose"}:
            raise InvalidInput(f"{field!r} is not a number.", value=field, fix="Name one, such as 'metrics.auc'.")
        return cls(found, direction == "max")

    def of(self, name: str, versions: Sequence[ModelVersion]) -> ModelVersion:
        """The best of these versions of a model, of which equal ones come newest first.

        Raises:
            VersionNotFound: None of them has such a number.
        """
        if not versions:
            fix = "Ask for another `where`; `versions(deleted=True)` lists deleted ones too."
            raise VersionNotFound(f"There is no version of {name!r} to choose from.", value=name, fix=fix)
        having = [v for v in versions if not is_placeless(as_number(self.field.read(v)))]
        if not having:
            raise VersionNotFound(
                f"None of {len(versions)} versions of {name!r} has a number in {self.field.name!r}.",
                value=self.field.name,
                fix=_there(versions),
            )
        return ordered(having, [Term(self.field, self.most)])[0]


def _there(versions: Iterable[ModelVersion]) -> str:
    """Which metrics there are instead."""
    names = sorted({f"metrics.{name}" for version in versions for name in version.metrics})
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    there = printable(", ".join(names[:_MOST])) + more
    return f"Metrics that some of them have: {there}." if names else "They have no metrics."
