"""What training functions return: a model, a model and its metrics, or a `Trained`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Trained", "trained_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training function may return: a model and what is known of it.

    Attributes:
        model: The fitted model.
        metrics: What the gates judge.
        params: What it was made with; the parameters of the training if left out.
        input_example: A few rows that the model's predict takes.
    """

    model: object
    metrics: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, object] | None = None
    input_example: object = None


def trained_from(result: object) -> Trained:
    """What a training function returned, as a `Trained`."""
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):  # noqa: PLR2004 - a pair
        return Trained(model=result[0], metrics=result[1])
    # Both, because some libraries' fitted results have an attribute `model` and are themselves what to save.
    if hasattr(result, "model") and hasattr(result, "metrics"):
        optional = {name: getattr(result, name, None) for name in ("params", "input_example")}
        return Trained(model=result.model, metrics=result.metrics, **optional)
    return Trained(model=result)
