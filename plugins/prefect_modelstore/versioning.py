"""`version_model`: a block of training code that says what it knows of its model while it trains."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from prefect.context import FlowRunContext

from modelstore_core import InvalidInput
from prefect_modelstore.blocks import StoreLike
from prefect_modelstore.lineage import Place, take_place
from prefect_modelstore.saving import saved_as_trained
from prefect_modelstore.trained import Draft

__all__ = ["version_model"]


def version_model(
    name: str,
    *,
    store: StoreLike = None,
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
    prove: bool | float = False,
    key: str | None = None,
) -> "VersionModel":
    """Save what the block makes as the next version of `name`, when it ends: `with`, or `async with`.

    The block gets a `Draft`, and sets its `model`. In a task or a flow, the save is what a call of `save_model` in
    its place would be: one live version however often it is tried, with the same cards and events. Outside of runs
    each block makes a version. A block that raises saves nothing.

    Args:
        name: The model's name, such as `risk.churn`.
        store: Where to, as for `save_model`.
        aliases: Aliases that point to the new version from its first moment, without any gate.
        format: A format's name; by the object's class if left out.
        prove: Read the version back in a clean process before it is published; a number: within so many seconds.
        key: What names this save within the flow run; its place in the flow if left out.

    Raises:
        InvalidInput: The block has ended without a model; or what it says is not understood, as for `save_model`.
    """
    return VersionModel(name=name, store=store, aliases=aliases, format=format, prove=prove, key=key)


@dataclass(slots=True, kw_only=True)
class VersionModel:
    """The context manager that `version_model` makes; of use once."""

    name: str
    store: StoreLike
    aliases: Sequence[str]
    format: str | None
    prove: bool | float
    key: str | None
    _draft: Draft | None = field(default=None, init=False)
    _place: Place | str | None = field(default=None, init=False)

    def __enter__(self) -> Draft:
        if self._draft is not None:
            raise InvalidInput(
                f"This block of {self.name!r} has begun before.", value=self.name, fix="Call `version_model` anew."
            )
        # Where the block begins, not where it ends: one that fails has its place too, and leaves it to its next try.
        self._place = self.key if FlowRunContext.get() is None else take_place("save", self.name, self.key)
        self._draft = Draft()
        return self._draft

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._save()

    async def __aenter__(self) -> Draft:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await asyncio.to_thread(self._save)

    def _save(self) -> None:
        draft = self._draft
        if draft is None or draft.model is None:
            raise InvalidInput(
                f"The block of `version_model` for {self.name!r} has ended without a model.",
                value=self.name,
                fix="Set `.model` of what the block gets: `with version_model(…) as draft: draft.model = …`.",
            )
        draft.become(
            saved_as_trained(
                draft,
                self.name,
                self.store,
                self._place,
                aliases=self.aliases,
                format=self.format,
                prove=self.prove,
            )
        )
