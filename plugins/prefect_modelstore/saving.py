"""`saves_model`: a training task whose model becomes the next version, with nothing said in its body.

And `saved_as_trained`, by which it and `version_model` save.
"""

import asyncio
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias, overload

from prefect.tasks import Task

from modelstore_core import InvalidInput, ModelVersion
from prefect_modelstore.blocks import StoreLike
from prefect_modelstore.lineage import Place
from prefect_modelstore.placing import PlacedTask
from prefect_modelstore.tasks import may_go_better, saved
from prefect_modelstore.trained import Draft, Trained, trained_from

__all__ = ["saved_as_trained", "saves_model"]

P = ParamSpec("P")
Returns: TypeAlias = Literal["record", "model"]

_PLACE = "modelstore_place"
_LONGEST = 500


def saves_model(  # noqa: PLR0913 - what `save_model` takes and training does not know
    name: str,
    *,
    store: StoreLike = None,
    tags: Mapping[str, object] | None = None,
    description: str = "",
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
    prove: bool | float = False,
    returns: Returns = "record",
) -> "SavesModel":
    """Save what a training task returns as the next version of `name`: above `@task`, sync or async.

    The task returns a model, a model and a dict of metrics, or a `Trained`. It stays a task, with its retries and
    options, to be called, submitted and mapped; each of its calls makes one live version, however often it is tried,
    with threads and with processes. Its plain arguments (numbers, texts, booleans) become the version's params,
    unless a `Trained` has some. Training code that wants to say more than it can return uses `version_model`.

    Args:
        name: The model's name, such as `risk.churn`.
        store: Where to, as for `save_model`.
        tags: Texts.
        description: A sentence.
        aliases: Aliases that point to the new version from its first moment, without any gate.
        format: A format's name; by the object's class if left out.
        prove: Read the version back in a clean process before it is published; a number: within so many seconds.
        returns: What the task returns instead: "record", the version's, or "model", the model itself.

    Raises:
        InvalidInput: It is put above something that is not a function or a task that returns once; or, when that
            runs, it returns no model.
    """
    if returns not in ("record", "model"):
        raise InvalidInput(f"returns={returns!r} is not understood.", value=returns, fix='Use "record" or "model".')
    return SavesModel(
        name=name,
        store=store,
        tags=tags,
        description=description,
        aliases=aliases,
        format=format,
        prove=prove,
        returns=returns,
    )


class SavingTask(PlacedTask[P, Any]):
    """A task that returns a record, or whatever it trains."""

    if TYPE_CHECKING:
        # Of an overloaded call that returns Any, type checkers believe that it returns a coroutine.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SavesModel:
    """The decorator that `saves_model` makes."""

    name: str
    store: StoreLike
    tags: Mapping[str, object] | None
    description: str
    aliases: Sequence[str]
    format: str | None
    prove: bool | float
    returns: Returns

    @overload
    def __call__(self, training: Task[P, Any]) -> SavingTask[P]: ...

    @overload
    def __call__(self, training: Callable[P, Any]) -> Callable[P, Any]: ...

    def __call__(self, training: Any) -> Any:
        """The task, or function, that saves what the given one returns."""
        if isinstance(training, Task):
            return self._task(training)
        return self._function(training)

    def _task(self, training: Task[..., Any]) -> Task[..., Any]:
        if type(training) is not Task:  # one with a mind of its own, such as `@materialize` makes: it stays what it is
            other = copy(training)
            other.fn = self._function(training.fn)
            return other
        placed: SavingTask[...] = SavingTask.__new__(SavingTask)
        vars(placed).update(vars(training))
        placed.fn = _with_place(self._function(training.fn))
        placed.verb, placed.subject, placed.parameter = "save", self.name, _PLACE
        placed.retry_condition_fn = training.retry_condition_fn or may_go_better
        return placed

    def _function(self, training: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(training) or inspect.isgeneratorfunction(training) or inspect.isasyncgenfunction(training):
            raise InvalidInput(
                f"{training!r} is no function that returns a model.",
                value=training,
                fix="Put @saves_model above a function, or above @task.",
            )

        @wraps(training)
        def train(*args: Any, **kwargs: Any) -> Any:
            place = kwargs.pop(_PLACE, None)
            return self._saved(training(*args, **kwargs), place, _params(training, args, kwargs))

        @wraps(training)
        async def train_async(*args: Any, **kwargs: Any) -> Any:
            place = kwargs.pop(_PLACE, None)
            result = await training(*args, **kwargs)
            return await asyncio.to_thread(self._saved, result, place, _params(training, args, kwargs))

        return train_async if inspect.iscoroutinefunction(training) else train

    def _saved(self, result: object, place: Place | None, params: Mapping[str, object]) -> object:
        trained = trained_from(result)
        known = replace(
            trained,
            params=params if trained.params is None else trained.params,
            tags=_joined(self.tags or {}, trained.tags),
            description=trained.description or self.description,
        )
        version = saved_as_trained(
            known, self.name, self.store, place, aliases=self.aliases, format=self.format, prove=self.prove
        )
        return version if self.returns == "record" else trained.model


def saved_as_trained(  # noqa: PLR0913 - what is known of a save beside the training
    trained: Trained | Draft,
    name: str,
    store: StoreLike,
    key: str | Place | None,
    *,
    aliases: Sequence[str],
    format: str | None,  # noqa: A002 - the word users know
    prove: bool | float,
) -> ModelVersion:
    """What a training made, saved by the run that this is a part of, and shown in it."""
    return saved(
        trained.model,
        name,
        store,
        key,
        metrics=trained.metrics,
        params=trained.params,
        tags=trained.tags,
        description=trained.description,
        input_example=trained.input_example,
        extra_files=trained.extra_files,
        aliases=aliases,
        format=format,
        lineage=trained.lineage,
        prove=prove,
    )


def _with_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, to whose signature the parameter is added in which its calls pass their place."""
    signature = inspect.signature(function)
    place = inspect.Parameter(_PLACE, inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = [*signature.parameters.values()]
    at = next((i for i, one in enumerate(parameters) if one.kind is one.VAR_KEYWORD), len(parameters))
    parameters.insert(at, place)
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined] # `inspect` reads it
    return function


def _joined(of_all: Mapping[str, object], own: Mapping[str, object]) -> Mapping[str, object]:
    """Both, the own ones above; what is no mapping is left for the store to name."""
    return {**of_all, **own} if isinstance(of_all, Mapping) and isinstance(own, Mapping) else own or of_all


def _params(training: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, object]:
    bound = inspect.signature(training).bind(*args, **kwargs)
    bound.apply_defaults()
    return {name: value for name, value in bound.arguments.items() if _is_plain(value)}


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= _LONGEST)
