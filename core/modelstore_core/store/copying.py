"""Copying a version to another store, or to another model of the same one: published there whole, or not at all."""

from dataclasses import dataclass

from modelstore_core.artifacts.reading import Artifacts, MissingFile
from modelstore_core.errors import InvalidInput
from modelstore_core.maintenance.copying import CopiedFiles, Original, Target, original_of
from modelstore_core.model import names
from modelstore_core.model.names import Reference
from modelstore_core.model.operations import AddVersion
from modelstore_core.model.records import ModelVersion
from modelstore_core.progress import Meter
from modelstore_core.registry.saving import Draft, save
from modelstore_core.registry.view import View
from modelstore_core.registry.writer import Outcome, Request
from modelstore_core.storage.readonly import underlying
from modelstore_core.store.handle import Handle

__all__ = ["Wish", "copy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the copy is to be.

    Attributes:
        name: Its model's name; None for the original's.
        aliases: Aliases that point to it from its first moment.
        key: Names this piece of work; None for a key made of the original, so that a second call finds the first.
    """

    name: str | None
    aliases: tuple[str, ...]
    key: str | None


def copy(handle: Handle, reference: Reference, there: Handle, wish: Wish) -> ModelVersion:
    """Copy the version that the reference means now; on a typed error nothing is published."""
    name = names.check_name(wish.name or reference.name)
    _refuse_itself(handle, reference, there, name)
    writer = there.writer(name)
    view = handle.view(reference.name)
    original = original_of(view, view.usable(reference), handle.storage)
    request = Request(verb="save", actor=there.settings.actor, key=wish.key or original.key)
    sight = writer.look()  # before the files have an id
    target = Target(storage=there.storage, root=writer.journal.root, data_id=there.ports.token())
    with handle.meter("copy", original.ref) as meter:
        files = _files(handle, original, target, meter)
        draft = Draft(record=original.record(), aliases=wish.aliases)
        try:
            outcome = save(writer, sight, files, draft, request)
        except MissingFile:
            files.discard()
            _explain(view, original)
            raise
        except Exception as error:
            files.abandon(error)
            raise
    files.discard(keep=_published(outcome))
    there.kept(outcome)
    return there.record(outcome.view, outcome.number)


def _explain(view: View, original: Original) -> None:
    """Raise what became of the original, if its files were meant to go."""
    now = View(view.journal, view.journal.newest(view.head))
    now.usable(Reference(name=original.name, number=original.version.number))


def _files(handle: Handle, original: Original, target: Target, meter: Meter) -> CopiedFiles:
    meter.expect(file.size for file in original.version.added.files)
    # What is read here is sent there: it is told of once, as it is sent.
    artifacts = Artifacts(handle.storage, original.root, cache=handle.settings.cache)
    return CopiedFiles(original, artifacts, target, meter.passed)


def _published(outcome: Outcome) -> str | None:
    return outcome.entry.op.data if outcome.entry is not None and isinstance(outcome.entry.op, AddVersion) else None


def _refuse_itself(handle: Handle, reference: Reference, there: Handle, name: str) -> None:
    here = underlying(handle.storage)
    if name != reference.name or here.url != there.storage.url or here.location() != there.storage.location():
        return
    raise InvalidInput(
        f"{reference.name!r} would be copied onto itself in {here.url!r}.",
        value=name,
        fix="Name another store or another name; to give the version an alias, `promote` it.",
    )
