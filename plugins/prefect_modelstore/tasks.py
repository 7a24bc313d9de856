"""`save_model`, `load_model` and `promote_model`: the store's verbs as tasks, each with an async twin; more in `verbs`.

They take a `ModelStoreBlock`, the reference `model-store/NAME` of a saved one, a URL or path, a `ModelStore`, or
nothing at all if `MODELSTORE_URL` is set; and they return small records, never models, so that no model goes through
Prefect's results. The exception is `load_model`, whose result is never persisted.

Saving and promoting are idempotent within a flow run: a retry of the task, of the task that called it or of the whole
flow run finds the version, or the decision, that an earlier attempt made. Prefect does not cache them: a cache hit
would hide that the version has been deleted since.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias, TypedDict, Unpack

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import task_run

from modelstore_core import (
    ANY,
    Gate,
    GateRefused,
    InvalidInput,
    MissingExtra,
    ModelVersion,
    NotSerializable,
    Trust,
    Untrusted,
    log_progress,
)
from prefect_modelstore.artifacts import run_log, show, show_refusal
from prefect_modelstore.blocks import StoreLike, open_store
from prefect_modelstore.lineage import Place, origin, work_at
from prefect_modelstore.placing import placed_task
from prefect_modelstore.trained import ExtraFiles

__all__ = [
    "TrustLike",
    "load_model",
    "load_model_async",
    "may_go_better",
    "promote_model",
    "promote_model_async",
    "save_model",
    "save_model_async",
    "saved",
    "text_of",
]

P = ParamSpec("P")

LoadAs: TypeAlias = Literal["object", "path", "pyfunc"]
TrustLike: TypeAlias = str | Iterable[str] | Trust | None
Expect: TypeAlias = int | Literal["any"] | None


def reference_run_name() -> str:
    """`load risk.churn@3`, `promote risk.churn@3 to champion`."""
    given = task_run.parameters
    text = text_of(given["reference"])
    return f"promote {text} to {given['alias']}" if "alias" in given else f"load {text}"


def may_go_better(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    """Whether another try may help: not if somebody has to change something first."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, InvalidInput | NotSerializable | GateRefused | Untrusted | MissingExtra)


@placed_task(
    "save", name="save_model", task_run_name="save {name}", cache_policy=NO_CACHE, retry_condition_fn=may_go_better
)
def save_model(  # noqa: PLR0913 - as wide as the store's own verb, and keyword-only
    model: object,
    name: str,
    *,
    store: StoreLike = None,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    description: str = "",
    input_example: object = None,
    extra_files: ExtraFiles = None,
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
    lineage: Mapping[str, object] | None = None,
    prove: bool | float = False,
    key: str | Place | None = None,
) -> ModelVersion:
    """Save the model as the next version of `name`: one live version, however often the run is retried.

    A card of the version and a table of the newest ones become artifacts of the run, and automations hear of it.

    Args:
        model: Any supported object; a `pathlib.Path` to a file or folder is taken as it is.
        name: The model's name, such as `risk.churn`.
        store: Where to: a block, its reference `model-store/NAME`, a URL or path, or a `ModelStore`.
        metrics: Numbers, such as `{"auc": 0.93}`.
        params: What the model was made with.
        tags: Texts.
        description: A sentence.
        input_example: A few rows that the model's predict takes.
        extra_files: Files and folders that belong to the version too: paths, or names and paths.
        aliases: Aliases that point to the new version from its first moment, without any gate.
        format: A format's name; by the object's class if left out.
        lineage: Where the model comes from, beside the run, which is recorded anyway.
        prove: Read the version back in a clean process before it is published; a number: within so many seconds.
        key: What names this save within the flow run; its place in the flow if left out.

    Returns:
        The version's record.

    Raises:
        InvalidInput: A name, value or format is not what it must be.
        NotSerializable: The object cannot be turned into files.
        ProofFailed: The clean process did not get the object back; nothing was published.
        AttemptSuperseded: A later attempt has decided, and its version is not live.
    """
    return saved(
        model,
        name,
        store,
        key,
        metrics=metrics,
        params=params,
        tags=tags,
        description=description,
        input_example=input_example,
        extra_files=extra_files,
        aliases=aliases,
        format=format,
        lineage=lineage,
        prove=prove,
    )


@placed_task(
    "save",
    name="save_model_async",
    task_run_name="save {name}",
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
async def save_model_async(  # noqa: PLR0913 - as wide as the store's own verb, and keyword-only
    model: object,
    name: str,
    *,
    store: StoreLike = None,
    metrics: Mapping[str, object] | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    description: str = "",
    input_example: object = None,
    extra_files: ExtraFiles = None,
    aliases: Sequence[str] = (),
    format: str | None = None,  # noqa: A002 - the word users know
    lineage: Mapping[str, object] | None = None,
    prove: bool | float = False,
    key: str | Place | None = None,
) -> ModelVersion:
    """`save_model` for async flows: the loop goes on while the model is written."""
    return await asyncio.to_thread(
        saved,
        model,
        name,
        store,
        key,
        metrics=metrics,
        params=params,
        tags=tags,
        description=description,
        input_example=input_example,
        extra_files=extra_files,
        aliases=aliases,
        format=format,
        lineage=lineage,
        prove=prove,
    )


class LoadTask(Task[P, Any]):
    """A task that returns what was saved, whatever it is."""

    if TYPE_CHECKING:
        # Of an overloaded call that returns Any, type checkers believe that it returns a coroutine.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


def _load_task(function: Callable[P, Any]) -> LoadTask[P]:
    return LoadTask(
        fn=function,
        name=function.__name__,
        task_run_name=reference_run_name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retry_condition_fn=may_go_better,
    )


@_load_task
def load_model(
    reference: str | ModelVersion, *, store: StoreLike = None, as_: LoadAs = "object", trust: TrustLike = None
) -> Any:
    """Load a version; every byte is checked against the record before anything reads it.

    Args:
        reference: `name`, `name@3`, `name@alias`, or a version's record.
        store: Where from, as for `save_model`.
        as_: "object" (as it was saved), "path" (its folder) or "pyfunc" (an MLflow pyfunc model).
        trust: This call's policy; the store's if left out.

    Raises:
        NotFound: There is no such model, version or alias.
        Corrupt: Its bytes are not what was saved; nothing was loaded.
        Untrusted: The policy does not allow what its files name; nothing was loaded.
    """
    return _load(reference, store, as_, trust)


@_load_task
async def load_model_async(
    reference: str | ModelVersion, *, store: StoreLike = None, as_: LoadAs = "object", trust: TrustLike = None
) -> Any:
    """`load_model` for async flows: the loop goes on while the model is read."""
    return await asyncio.to_thread(_load, reference, store, as_, trust)


@placed_task(
    "promote",
    name="promote_model",
    task_run_name=reference_run_name,
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
def promote_model(  # noqa: PLR0913 - as wide as the store's own verb, and keyword-only
    reference: str | ModelVersion,
    alias: str,
    *,
    store: StoreLike = None,
    gates: Sequence[Gate] = (),
    expect: Expect = "any",
    override: bool = False,
    reason: str = "",
    key: str | Place | None = None,
) -> ModelVersion:
    """Point the alias to the version, if the gates let it pass; retries find the decision that was made.

    Args:
        reference: The candidate: `name`, `name@3`, `name@alias`, or a version's record.
        alias: Such as `champion`.
        store: Where, as for `save_model`.
        gates: Rules that the candidate must pass, against the version that the alias points to.
        expect: The number that the alias must point to now; None: it must not exist yet.
        override: Move the alias although rules refuse, and let history show that; it needs a reason.
        reason: Why, for history.
        key: What names this promotion within the flow run; its place in the flow if left out.

    Returns:
        The record of the version that the alias points to now.

    Raises:
        GateRefused: A gate said no; both sides' numbers are in the message.
        AliasConflict: `expect` did not hold.
        NotFound, VersionDeleted, VersionPurged: The candidate is not to be had.
    """
    return _promote(reference, alias, store, key, gates=gates, expect=expect, override=override, reason=reason)


@placed_task(
    "promote",
    name="promote_model_async",
    task_run_name=reference_run_name,
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
async def promote_model_async(  # noqa: PLR0913 - as wide as the store's own verb, and keyword-only
    reference: str | ModelVersion,
    alias: str,
    *,
    store: StoreLike = None,
    gates: Sequence[Gate] = (),
    expect: Expect = "any",
    override: bool = False,
    reason: str = "",
    key: str | Place | None = None,
) -> ModelVersion:
    """`promote_model` for async flows."""
    return await asyncio.to_thread(
        _promote, reference, alias, store, key, gates=gates, expect=expect, override=override, reason=reason
    )


class _Description(TypedDict):
    metrics: Mapping[str, object] | None
    params: Mapping[str, object] | None
    tags: Mapping[str, object] | None
    description: str
    input_example: object
    extra_files: ExtraFiles
    aliases: Sequence[str]
    format: str | None
    lineage: Mapping[str, object] | None
    prove: bool | float


def saved(
    model: object, name: str, store: StoreLike, key: str | Place | None, **said: Unpack[_Description]
) -> ModelVersion:
    """The model, saved by the run that this is a part of, and shown in it."""
    opened, work = open_store(store, progress=log_progress(run_log().info)), work_at(key, "save", name)
    said["lineage"] = origin(said["lineage"])
    version = opened.save(model, name, key=work.key, attempt=work.attempt, **said)
    run_log().info("Saved %s to %s.", version.ref, opened.url)
    show(opened, version, work.key)
    return version


def _load(reference: str | ModelVersion, store: StoreLike, as_: LoadAs, trust: TrustLike) -> Any:
    return open_store(store, progress=log_progress(run_log().info)).load(text_of(reference), as_=as_, trust=trust)


class _Terms(TypedDict):
    gates: Sequence[Gate]
    expect: Expect
    override: bool
    reason: str


def _promote(
    reference: str | ModelVersion, alias: str, store: StoreLike, key: str | Place | None, **terms: Unpack[_Terms]
) -> ModelVersion:
    opened = open_store(store)
    # What the reference means is settled first: a run that trains anew decides anew, on the version it has made.
    candidate = opened.get(text_of(reference))
    work = work_at(key, "promote", candidate.name, f"{candidate.number}/{alias}")
    expect = ANY if terms["expect"] == "any" else terms["expect"]
    try:
        version = opened.promote(
            candidate.ref,
            alias,
            gates=terms["gates"],
            expect=expect,
            override=terms["override"],
            reason=terms["reason"],
            key=work.key,
        )
    except GateRefused as refusal:
        show_refusal(opened, candidate, alias, refusal, work.key)
        raise
    run_log().info("Promoted %s to %s.", version.ref, alias)
    show(opened, version, work.key)
    return version


def text_of(reference: str | ModelVersion) -> str:
    """The reference that was given, or that of the record."""
    return reference.ref if isinstance(reference, ModelVersion) else reference
