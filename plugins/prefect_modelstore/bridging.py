"""`bridge`: a flow that tells Prefect what was committed elsewhere: by the command line, Dagster, a notebook."""

import hashlib
from typing import Annotated, Literal

from prefect import flow
from prefect.client.orchestration import get_client
from pydantic import Field

from modelstore_core import InvalidInput, ModelStore
from prefect_modelstore.artifacts import run_log
from prefect_modelstore.blocks import ModelStoreCursor, open_store
from prefect_modelstore.credentials import load_block
from prefect_modelstore.events import send

__all__ = ["bridge"]


@flow(name="modelstore-bridge")
def bridge(
    store: str | None = None,
    *,
    cursor: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")] | None = None,
    begin: Literal["now", "beginning"] = "now",
) -> int:
    """Send an event for each commit since the last run, also for those that were made outside of Prefect.

    At least once: a run that fails half-way is repeated by the next one, with the same event ids. What the tasks of
    this package have sent themselves, with these ids, is not sent again.

    Args:
        store: A URL, a path or `model-store/NAME` of a saved block; MODELSTORE_URL of the worker if left out.
        cursor: The name of the block `model-store-cursor` that keeps how far it has come; one for each store if
            left out.
        begin: What the first run sends: nothing, or all that has ever happened.

    Returns:
        How many events were sent.
    """
    opened = open_store(store)
    name = cursor or f"store-{hashlib.sha256(opened.url.encode()).hexdigest()[:16]}"
    before = _read(name, opened)
    feed = opened.changes(before)
    sent = 0
    if before is not None or begin == "beginning":
        with get_client(sync_client=True) as client:
            sent = send(client, feed.events, opened.url)
    # Only now: what could not be sent is read again by the next run.
    ModelStoreCursor(url=opened.url, cursor=feed.cursor).save(name, overwrite=True)
    run_log().info("Sent %d events of %s, of %d.", sent, opened.url, len(feed.events))
    return sent


def _read(name: str, store: ModelStore) -> str | None:
    """The cursor that was saved; None before the first run."""
    try:
        found = load_block(ModelStoreCursor, name)
    except InvalidInput:
        return None
    if found.url != store.url:
        raise InvalidInput(
            f"The cursor {name!r} is that of {found.url!r}, and not of {store.url!r}.",
            value=name,
            fix="Give each store a cursor of its own, or leave `cursor` out.",
        )
    return found.cursor
