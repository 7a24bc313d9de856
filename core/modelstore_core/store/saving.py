"""From an object to a published version: written in a fresh folder, then sent and committed, or wholly undone."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from modelstore_core import formats
from modelstore_core.artifacts.stage import Stage
from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.json import JsonObject, as_json, as_metrics, as_params, as_tags
from modelstore_core.model.operations import AddVersion
from modelstore_core.model.records import ModelVersion
from modelstore_core.registry.saving import Draft, Prove, save
from modelstore_core.registry.writer import Request
from modelstore_core.storage.files import typed_errors
from modelstore_core.store.handle import Handle

__all__ = ["Description", "ExtraFiles", "checked_aliases", "save_model"]

ExtraFiles: TypeAlias = Mapping[str, str | os.PathLike[str]] | Sequence[str | os.PathLike[str]] | None
"""Paths of files and folders, by the name that each gets in the version; without names, by their own."""

_PROVED_WITHIN = 300.0


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
    extra_files: ExtraFiles,
    prove: bool | float = False,
) -> ModelVersion:
    """Write, send and publish; on a typed error nothing is left behind."""
    seconds = _checked_limit(prove)
    record = _record(said)  # everything that can be wrong with the words is found before anything is written
    aliases, extras = checked_aliases(said.aliases), _extras(extra_files)
    writer = handle.writer(name)
    sight = writer.look()  # before the stage has an id, which in a folder others can see
    meter = handle.meter("save", name)
    stage = Stage(handle.storage, writer.journal.root, handle.ports.token(), passed=meter.passed)
    published: str | None = None
    try:
        with meter:
            with typed_errors("write", stage.folder):  # a disk that is full says so here first
                written = formats.write(
                    model, stage.folder, format=format, input_example=input_example, extra_files=extras
                )
            meter.expect(stage.sizes())
            draft = Draft(record=_completed(record, written), aliases=aliases)
            if seconds:
                draft = replace(draft, prove=_proof(handle, name, model, input_example, written, seconds))
            outcome = save(writer, sight, stage, draft, request)
        if outcome.entry is not None and isinstance(outcome.entry.op, AddVersion):
            published = outcome.entry.op.data
    except Exception as error:
        stage.abandon(error)
        raise
    stage.discard(keep=published)
    handle.kept(outcome)
    return handle.record(outcome.view, outcome.number)


def _checked_limit(prove: bool | float) -> float | None:  # noqa: FBT001 -- the public argument, as it came in
    """How many seconds a proof may take; None: there is to be none."""
    if isinstance(prove, bool):
        return _PROVED_WITHIN if prove else None
    if isinstance(prove, int | float) and prove > 0:
        return float(prove)
    raise InvalidInput(f"prove={prove!r} is no time.", value=prove, fix="Pass True, or the seconds it may take.")


def _proof(
    handle: Handle, name: str, model: object, example: object, written: formats.Written, seconds: float
) -> Prove:
    from modelstore_core.store.proving import Proof  # only some saves ask for it

    return Proof(handle=handle, name=name, model=model, example=example, written=written, seconds=seconds)


def _extras(files: ExtraFiles) -> Mapping[str, str | os.PathLike[str]]:
    if files is None or isinstance(files, Mapping):
        return files or {}
    if isinstance(files, str | os.PathLike):
        raise InvalidInput(
            f"extra_files={str(files)!r} is one path.",
            value=str(files),
            fix="Pass a list of paths, or names and paths.",
        )
    named = {Path(os.fsdecode(path)).name: path for path in files}
    if len(named) < len(files):
        raise InvalidInput(
            "Several extra files have the same name.",
            value=[str(path) for path in files],
            fix="Pass a mapping that gives each a name of its own.",
        )
    return named


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
        model_params=written.model_params,
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
