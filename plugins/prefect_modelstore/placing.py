"""A task that knows its place: each call of it notes where in the flow run it was made, before it goes anywhere.

Only the code that calls `task(…)`, `task.submit(…)` or `task.map(…)` knows the order of its calls; once a task run
is under way, in another thread or process, nothing tells the third of ten mapped runs from the fourth.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from prefect.blocks.core import Block
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.tasks import Task, TaskOptions
from prefect.utilities.annotations import unmapped
from prefect.utilities.callables import expand_mapping_parameters, get_call_parameters
from prefect.utilities.engine import collect_task_run_inputs_sync, resolve_inputs_sync

from modelstore_core import ModelVersion
from prefect_modelstore.lineage import Verb, take_place

__all__ = ["PlacedTask", "placed_task"]

P = ParamSpec("P")
R = TypeVar("R")


class PlacedTask(Task[P, R]):
    """A task whose function has a parameter `key`, which each call fills with the place where it was made.

    Attributes:
        verb: What it does.
        parameter: The parameter's name, if it is another.
        subject: The model that it is done to; the function's parameter `name` or `reference` if it is None.
    """

    verb: Verb
    parameter: str = "key"
    subject: str | None = None

    # For type checkers the calls are those of any task: they only see to one more argument.
    if not TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            """Run the task here."""
            return super().__call__(*args, **self._placed(args, kwargs))

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            """Run the task by the flow's task runner."""
            return super().submit(*args, **self._placed(args, kwargs))

        def map(
            self,
            *args: Any,
            return_state: bool = False,
            wait_for: Iterable[PrefectFuture[Any]] | None = None,
            deferred: bool = False,
            **kwargs: Any,
        ) -> Any:
            """Run the task once for each element, by the flow's task runner."""
            flow = FlowRunContext.get()
            if flow is None or deferred:  # the errors, and the background runs, of any task
                return super().map(*args, return_state=return_state, wait_for=wait_for, deferred=deferred, **kwargs)
            bound = get_call_parameters(self.fn, args, kwargs, apply_defaults=False)
            # A block can be iterated over, and would be taken for as many stores as it has fields.
            given = {name: unmapped(value) if isinstance(value, Block) else value for name, value in bound.items()}
            upstream = {name: collect_task_run_inputs_sync(value, max_depth=0) for name, value in given.items()}
            calls = expand_mapping_parameters(self.fn, resolve_inputs_sync(given, max_depth=0))
            futures = PrefectFutureList(
                flow.task_runner.submit(self, {**call, **self._place(call)}, wait_for, upstream) for call in calls
            )
            if not return_state:
                return futures
            futures.wait()
            return [future.state for future in futures]

        def with_options(self, **options: Any) -> "PlacedTask[P, R]":
            """The same task with other options."""
            other = copy(self)
            vars(other).update(vars(super().with_options(**options)))
            return other

    def _placed(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        try:
            given = inspect.signature(self.fn).bind(*args, **_without_controls(kwargs)).arguments
        except TypeError:
            return kwargs  # Prefect has an error for that
        return {**kwargs, **self._place(given)}

    def _place(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        key = arguments.get(self.parameter)
        if key is not None and not isinstance(key, str):
            return {}
        return {self.parameter: take_place(self.verb, self.subject or _subject(arguments), key)}


def placed_task(verb: Verb, **options: Unpack[TaskOptions]) -> Callable[[Callable[P, R]], PlacedTask[P, R]]:
    """Make the function a `PlacedTask`."""

    def decorate(function: Callable[P, R]) -> PlacedTask[P, R]:
        task = PlacedTask(fn=function, **options)
        task.verb = verb
        return task

    return decorate


def _without_controls(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in kwargs.items() if name not in ("return_state", "wait_for")}


def _subject(arguments: Mapping[str, Any]) -> str | None:
    """The model's name as far as the call knows it: a future does not say."""
    subject = arguments.get("name", arguments.get("reference"))
    if isinstance(subject, ModelVersion):
        return subject.name
    return subject.rpartition("@")[0] or subject if isinstance(subject, str) else None
