"""`get_version`, `find_versions`, `annotate_version`, `rollback_model`: more of the store's verbs as tasks.

As those of `tasks`: records as results, async twins, and each change made once however often its flow run is tried.
"""

import asyncio
from collections.abc import Mapping, Sequence

from prefect import task
from prefect.cache_policies import NO_CACHE

from modelstore_core import ModelVersion, Records
from prefect_modelstore.artifacts import run_log, show
from prefect_modelstore.blocks import StoreLike, open_store
from prefect_modelstore.lineage import Place, work_at
from prefect_modelstore.placing import placed_task
from prefect_modelstore.tasks import may_go_better, text_of

__all__ = [
    "annotate_version",
    "annotate_version_async",
    "find_versions",
    "find_versions_async",
    "get_version",
    "get_version_async",
    "rollback_model",
    "rollback_model_async",
]


def _name_of_get() -> str:
    return f"get {_asked()}"


def _name_of_annotate() -> str:
    return f"annotate {_asked()}"


def _name_of_find() -> str:
    from prefect.runtime import task_run

    return f"find {task_run.parameters.get('name') or 'versions of all models'}"


def _asked() -> str:
    from prefect.runtime import task_run

    return text_of(task_run.parameters["reference"])


@task(name="get_version", task_run_name=_name_of_get, cache_policy=NO_CACHE, retry_condition_fn=may_go_better)
def get_version(reference: str | ModelVersion, *, store: StoreLike = None) -> ModelVersion:
    """The version's record, as it is now, without its bytes.

    Args:
        reference: `name`, `name@3`, `name@alias`, or a record, which may be older.
        store: Where from, as for `save_model`.

    Raises:
        NotFound: There is no such model, version or alias.
    """
    return _get(reference, store)


@task(name="get_version_async", task_run_name=_name_of_get, cache_policy=NO_CACHE, retry_condition_fn=may_go_better)
async def get_version_async(reference: str | ModelVersion, *, store: StoreLike = None) -> ModelVersion:
    """`get_version` for async flows."""
    return await asyncio.to_thread(_get, reference, store)


@task(name="find_versions", task_run_name=_name_of_find, cache_policy=NO_CACHE, retry_condition_fn=may_go_better)
def find_versions(
    name: str | None = None,
    *,
    store: StoreLike = None,
    where: str | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
) -> Records[ModelVersion]:
    """The records of a model's live versions, newest first; or those of all models, by name.

    Args:
        name: The model's name; all models if left out.
        store: Where from, as for `save_model`.
        where: A filter, such as `metrics.auc > 0.9 AND tags.team = 'risk'`.
        order_by: Such as `metrics.auc DESC`.
        limit: At most so many.

    Raises:
        InvalidQuery: The filter or the order is not understood.
        ModelNotFound: There is no such model.
    """
    return _find(name, store, where, order_by, limit)


@task(name="find_versions_async", task_run_name=_name_of_find, cache_policy=NO_CACHE, retry_condition_fn=may_go_better)
async def find_versions_async(
    name: str | None = None,
    *,
    store: StoreLike = None,
    where: str | None = None,
    order_by: str | Sequence[str] | None = None,
    limit: int | None = None,
) -> Records[ModelVersion]:
    """`find_versions` for async flows."""
    return await asyncio.to_thread(_find, name, store, where, order_by, limit)


@placed_task(
    "annotate",
    name="annotate_version",
    task_run_name=_name_of_annotate,
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
def annotate_version(
    reference: str | ModelVersion,
    *,
    store: StoreLike = None,
    metrics: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    key: str | Place | None = None,
) -> ModelVersion:
    """Add metrics and tags to a version, or describe it anew; retries find what was added by the first try.

    Args:
        reference: `name`, `name@3`, `name@alias`, or a version's record.
        store: Where, as for `save_model`.
        metrics: Numbers, which replace those of the same names.
        tags: Texts, likewise.
        description: Replaces the present one.
        key: What names this annotation within the flow run; its place in the flow if left out.

    Returns:
        The record with all of it.

    Raises:
        InvalidInput: A metric is not a number, or a tag not a text.
        NotFound, VersionDeleted, VersionPurged: The version is not to be had.
    """
    return _annotate(reference, store, key, metrics, tags, description)


@placed_task(
    "annotate",
    name="annotate_version_async",
    task_run_name=_name_of_annotate,
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
async def annotate_version_async(
    reference: str | ModelVersion,
    *,
    store: StoreLike = None,
    metrics: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    key: str | Place | None = None,
) -> ModelVersion:
    """`annotate_version` for async flows."""
    return await asyncio.to_thread(_annotate, reference, store, key, metrics, tags, description)


@placed_task(
    "rollback",
    name="rollback_model",
    task_run_name="roll back {name} {alias}",
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
def rollback_model(
    name: str,
    alias: str,
    *,
    store: StoreLike = None,
    steps: int = 1,
    reason: str = "",
    key: str | Place | None = None,
) -> ModelVersion:
    """Point the alias to what it pointed to before, `steps` promotions ago: once, however often the run is retried.

    Args:
        name: The model's name.
        alias: Such as `champion`.
        store: Where, as for `save_model`.
        steps: How many promotions to go back, in one commit or not at all.
        reason: Why, for history.
        key: What names this rollback within the flow run; its place in the flow if left out.

    Returns:
        The record of the version that the alias points to now.

    Raises:
        AliasNotFound, ModelNotFound: There is no such alias or model.
        VersionNotFound: There is nothing to go back to.
    """
    return _roll_back(name, alias, store, steps, reason, key)


@placed_task(
    "rollback",
    name="rollback_model_async",
    task_run_name="roll back {name} {alias}",
    cache_policy=NO_CACHE,
    retry_condition_fn=may_go_better,
)
async def rollback_model_async(
    name: str,
    alias: str,
    *,
    store: StoreLike = None,
    steps: int = 1,
    reason: str = "",
    key: str | Place | None = None,
) -> ModelVersion:
    """`rollback_model` for async flows."""
    return await asyncio.to_thread(_roll_back, name, alias, store, steps, reason, key)


def _find(
    name: str | None,
    store: StoreLike,
    where: str | None,
    order_by: str | Sequence[str] | None,
    limit: int | None,
) -> Records[ModelVersion]:
    opened = open_store(store)
    if name is None:
        return Records(opened.search(where, order_by=order_by, limit=limit), ModelVersion)
    return opened.versions(name, where=where, order_by=order_by, limit=limit)


def _get(reference: str | ModelVersion, store: StoreLike) -> ModelVersion:
    return open_store(store).get(text_of(reference))


def _annotate(
    reference: str | ModelVersion,
    store: StoreLike,
    key: str | Place | None,
    metrics: Mapping[str, object] | None,
    tags: Mapping[str, object] | None,
    description: str | None,
) -> ModelVersion:
    opened = open_store(store)
    # What the reference means is settled first: a run that has trained anew annotates what it has made.
    found = opened.get(text_of(reference))
    work = work_at(key, "annotate", found.name, str(found.number))
    version = opened.annotate(found.ref, metrics=metrics, tags=tags, description=description, key=work.key)
    run_log().info("Annotated %s.", version.ref)
    show(opened, version, work.key)
    return version


def _roll_back(
    name: str, alias: str, store: StoreLike, steps: int, reason: str, key: str | Place | None
) -> ModelVersion:
    opened, work = open_store(store), work_at(key, "rollback", name, alias)
    version = opened.rollback(name, alias, steps=steps, reason=reason, key=work.key)
    run_log().info("Rolled %s of %s back to %s.", alias, name, version.ref)
    show(opened, version, work.key)
    return version
