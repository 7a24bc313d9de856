"""What the fields of the deployable flows' forms take, and the gates that they mean.

What such a flow's docstring says of a parameter stands beside its field, in one of Prefect's two UIs as plain text: so
it has no markup. A value that matches no pattern is answered with the pattern, so it also says what is allowed.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field

from modelstore_core import AtLeast, Gate, Improves, InvalidInput

__all__ = ["NOTHING", "Alias", "Direction", "ImportPath", "Margin", "ModelName", "Reference", "gates_of"]

ImportPath: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$", examples=["risk.train:fit"])]
ModelName: TypeAlias = Annotated[str, Field(pattern=r"^[^/:@]+$", max_length=200)]
Alias: TypeAlias = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=255)]
Reference: TypeAlias = Annotated[str, Field(pattern=r"^[^/:@]+(@[A-Za-z0-9_-]+)?$", examples=["risk.churn@3"])]
Margin: TypeAlias = Annotated[float, Field(ge=0)]
Direction: TypeAlias = Literal["max", "min"]
# The default of a field for a dict. Prefect's forms have an editor for one, but none for "a dict or None".
NOTHING: Final[dict[str, Any]] = {}


def gates_of(metric: str | None, threshold: float | None, improve_by: float | None, direction: Direction) -> list[Gate]:
    """The gates that these fields mean; `improve_by` is None if the metric need not improve.

    Raises:
        InvalidInput: They contradict each other.
    """
    if threshold is not None and (metric is None or direction == "min"):
        raise InvalidInput(
            f"threshold={threshold!r} is the least value of a metric of which more is better.",
            value=threshold,
            fix="Name the metric, with direction='max'; or leave the threshold out.",
        )
    if metric is None:
        return []
    least = [] if threshold is None else [AtLeast(metric, threshold)]
    better = [] if improve_by is None else [Improves(metric, improve_by, direction)]
    return [*least, *better]
