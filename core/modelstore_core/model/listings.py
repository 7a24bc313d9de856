"""Sequences of records that show themselves as tables and become data frames."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self, SupportsIndex, TypeVar, overload

from modelstore_core.model.frames import Kind, data_frame
from modelstore_core.model.tables import html_line, html_table, screen_table, telling

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Page", "Record", "Records"]

_MOST = 100  # rows that a person looks through


class Record(Protocol):
    """Something that can be a row.

    Its class may have `COLUMNS`: the names of its columns, in order, and what they hold. `metrics.*` stands for all
    columns that begin so.
    """

    def row(self) -> dict[str, object]:
        """The record's columns; `metrics.x`, `params.x` and `tags.x` are columns of their own."""


R_co = TypeVar("R_co", bound=Record, covariant=True)


class Records(tuple[R_co, ...]):  # noqa: SLOT001 -- what they are is kept beside them
    """A plain sequence of records that shows itself as a table and becomes a data frame."""

    _kind: type[Record] | None

    def __new__(cls, records: Iterable[R_co] = (), kind: type[Record] | None = None) -> Self:
        """The records, in order; `kind` says what they are, also where there are none."""
        made = super().__new__(cls, records)
        made._kind = kind or (type(made[0]) if made else None)
        return made

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> R_co: ...
    @overload
    def __getitem__(self, index: slice, /) -> "Records[R_co]": ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> "R_co | Records[R_co]":
        """One record, or some of them."""
        if isinstance(index, slice):
            return Records(super().__getitem__(index), self._kind)
        return super().__getitem__(index)

    def rows(self) -> list[dict[str, object]]:
        """One mapping a record."""
        return [record.row() for record in self]

    def columns(self) -> list[str]:
        """The names of all columns; those that only some records have stand beside their like."""
        return _columns(self.rows(), self._kinds())

    def to_pandas(self) -> "DataFrame":
        """The records as a data frame with typed columns: one row each, `metrics.*`, `params.*`, `tags.*` expanded.

        Raises:
            MissingExtra: pandas is not installed.
        """
        rows, kinds = self.rows(), self._kinds()
        return data_frame(rows, _columns(rows, kinds), kinds)

    def __repr__(self) -> str:
        rows = self[:_MOST].rows()
        text = screen_table(rows, _columns(rows, self._kinds())) or f"{type(self).__name__}()"
        return f"{text}\n{self._rest()}".rstrip()

    def _repr_html_(self) -> str:
        rows = self[:_MOST].rows()
        columns = _columns(rows, self._kinds())
        rest = html_line(self._rest()) if self._rest() else ""
        return html_table(rows, telling(rows, columns) or columns) + rest

    def _rest(self) -> str:
        left = len(self) - _MOST
        return f"… and {left:,} more: a slice or `to_pandas()` has them" if left > 0 else ""

    def _kinds(self) -> Mapping[str, Kind]:
        kinds: Mapping[str, Kind] = getattr(self._kind, "COLUMNS", {})
        return kinds


class Page(Records[R_co]):
    """One page of records, and what to ask for the next one with.

    Attributes:
        next_page_token: Pass it as `page_token=`, with the same query; None where nothing comes after these.
    """

    next_page_token: str | None

    def __new__(
        cls, records: Iterable[R_co] = (), next_page_token: str | None = None, kind: type[Record] | None = None
    ) -> Self:
        """The records of the page, in order; `kind` says what they are, also where there are none."""
        page = super().__new__(cls, records, kind)
        page.next_page_token = next_page_token
        return page


def _columns(rows: Sequence[Mapping[str, object]], kinds: Mapping[str, Kind]) -> list[str]:
    found = dict.fromkeys(name for row in rows for name in row)
    placed: dict[str, None] = {}
    for name in kinds:
        family = name.removesuffix("*")
        placed |= {name: None} if family == name else dict.fromkeys(c for c in found if c.startswith(family))
    return [*(placed | found)]
