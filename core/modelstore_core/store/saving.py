"""From an object to a published version: written in a fresh folder, then sent and committed, or wholly undone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from modelstore_core import formats
from modelstore_core.artifacts.stage import Stage
from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.json import JsonObject, as_json, as_metrics, as_params, as_tags
from modelstore_core.model.operations import AddVersion
from modelstore_core.model.records import ModelVersion
from modelstore_core.registry.saving import Draft, save
from modelstore_core.registry.writer import Request
from modelstore_core.store.handle import Handle

__all__ = ["Description", "checked_aliases", "save_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the caller says about a version, as it came in."""

    metrics: Mapping[str, object] | None
    params: Mapping[str, object] | None
    tags: Mapping[str, object] | None
    description: str
    lineage: Mapping[str, object] | None
    aliases: Sequence[str]


def save_model(
    handle: Handle,
    name: str,
    model: object,
    said: Description,
    request: Request,
    *,
    format: str | None,  # noqa: A002 - the word users know
    input_example: object,
) -> ModelVersion:
    """Write, send and publish; on a typed error nothing is left behind."""
    record = _record(said)  # everything that can be wrong with the words is found before anything is written
    aliases = checked_aliases(said.aliases)
    writer = handle.writer(name)
    sight = writer.look()  # before the stage has an id, which in a folder others can see
    meter = handle.meter("save", name)
    stage = Stage(handle.storage, writer.journal.root, handle.ports.token(), passed=meter.passed)
    published: str | None = None
    try:
        with meter:
            written = formats.write(model, stage.folder, format=format, input_example=input_example)
            meter.expect(stage.sizes())
            draft = Draft(record=_completed(record, written), aliases=aliases)
            outcome = save(writer, sight, stage, draft, request)
        if outcome.entry is not None and isinstance(outcome.entry.op, AddVersion):
            published = outcome.entry.op.data
    except Exception as error:
        stage.abandon(error)
        raise
    stage.discard(keep=published)
    return handle.record(outcome.view, outcome.number)


def _record(said: Description) -> AddVersion:
    if not isinstance(said.description, str):
        raise InvalidInput(
            f"description={said.description!r} is not text.", value=said.description, fix="Pass a sentence."
        )
    lineage = _object(said.lineage or {}, "lineage")
    return AddVersion(
        number=0,
        data="",
        digest="",
        size=0,
        format="",
        metrics=as_metrics(said.metrics),
        params=as_params(said.params),
        tags=as_tags(said.tags),
        description=said.description,
        lineage=lineage,
    )


def _completed(record: AddVersion, written: formats.Written) -> AddVersion:
    return replace(
        record,
        format=written.format,
        loads=written.loads,
        model_type=written.model_type,
        environment=_object(written.environment, "environment"),
        signature=None if written.signature is None else _object(written.signature, "signature"),
        globals=written.globals,
    )


def _object(value: Mapping[str, object], where: str) -> JsonObject:
    plain = as_json(value, where)
    assert isinstance(plain, dict)
    return plain


def checked_aliases(aliases: Sequence[str]) -> tuple[str, ...]:
    """The aliases, each once.

    Raises:
        InvalidInput: They are one text, or one of them is no alias.
    """
    if isinstance(aliases, str):
        raise InvalidInput(f"aliases={aliases!r} is one text.", value=aliases, fix=f"Pass a list: [{aliases!r}].")
    return tuple(dict.fromkeys(names.check_alias(alias) for alias in aliases))
