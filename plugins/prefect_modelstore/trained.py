"""What training says of its model: functions return it, with its metrics or as a `Trained`; blocks fill a `Draft`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from modelstore_core import InvalidInput, ModelVersion

__all__ = ["Draft", "ExtraFiles", "Trained", "trained_from"]

PathLike: TypeAlias = str | os.PathLike[str]
ExtraFiles: TypeAlias = Mapping[str, PathLike] | Sequence[PathLike] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What a training function may return: a model and what is known of it.

    Attributes:
        model: The fitted model.
        metrics: What the gates judge.
        params: What it was made with; the parameters of the training if left out.
        input_example: A few rows that the model's predict takes.
        tags: Texts, beside those that the deployment or decorator gives.
        description: A sentence.
        extra_files: Files and folders that belong to the version too: paths, or names and paths.
        lineage: Where the model comes from, such as the version of its data; the run is recorded anyway.
    """

    model: object
    metrics: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, object] | None = None
    input_example: object = None
    tags: Mapping[str, object] = field(default_factory=dict)
    description: str = ""
    extra_files: ExtraFiles = None
    lineage: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Draft:
    """What a block of `version_model` says of the version that it makes; all but the model may be left out.

    Attributes:
        model: The fitted model; any supported object, or a `pathlib.Path`.
        metrics: Numbers, such as `draft.metrics["auc"] = 0.93`.
        params: What the model was made with.
        tags: Texts.
        description: A sentence.
        input_example: A few rows that the model's predict takes.
        extra_files: Files and folders that belong to the version too, by name.
        lineage: Where the model comes from, such as the version of its data; the run is recorded anyway.
    """

    model: object = None
    metrics: dict[str, object] = field(default_factory=dict)
    params: dict[str, object] = field(default_factory=dict)
    tags: dict[str, object] = field(default_factory=dict)
    description: str = ""
    input_example: object = None
    extra_files: dict[str, PathLike] = field(default_factory=dict)
    lineage: dict[str, object] = field(default_factory=dict)
    _version: ModelVersion | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def version(self) -> ModelVersion:
        """The version's record, once the block has ended.

        Raises:
            InvalidInput: It has not ended, or it has failed.
        """
        if self._version is None:
            raise InvalidInput(
                "There is no version yet: it is saved when the block of `version_model` ends.",
                value=None,
                fix="Read `.version` after the block.",
            )
        return self._version

    def become(self, version: ModelVersion) -> None:
        """Know the version that was made of it."""
        self._version = version


def trained_from(result: object) -> Trained:
    """What a training function returned, as a `Trained`.

    Raises:
        InvalidInput: It returned no model.
    """
    trained = _understood(result)
    if trained.model is None:
        raise InvalidInput(
            "The training has returned no model.",
            value=None,
            fix="Return the model, the model and a dict of metrics, or a `Trained`.",
        )
    return trained


def _understood(result: object) -> Trained:
    if isinstance(result, Trained):
        return result
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):  # noqa: PLR2004 - a pair
        return Trained(model=result[0], metrics=result[1])
    # Both, because some libraries' fitted results have an attribute `model` and are themselves what to save.
    if hasattr(result, "model") and hasattr(result, "metrics"):
        params, example = getattr(result, "params", None), getattr(result, "input_example", None)
        return Trained(model=result.model, metrics=result.metrics, params=params, input_example=example)
    return Trained(model=result)
