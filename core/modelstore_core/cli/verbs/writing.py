"""What the verbs do that write versions, and take back what was written."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelstore_core.cli import arguments, render
from modelstore_core.cli.consent import asks, consent
from modelstore_core.cli.output import Output
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.errors import InvalidInput, InvalidReference
from modelstore_core.model.names import parse_reference
from modelstore_core.model.records import Event
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]

_A_FEW = 16


def _save(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    saved = store.save(
        Path(given.path),
        given.name,
        metrics=arguments.metrics(given.metric),
        params=arguments.params(given.param),
        tags=arguments.texts("--tag", given.tag),
        lineage=arguments.texts("--lineage", given.lineage),
        aliases=given.alias,
        description=given.description,
        key=given.key,
        attempt=given.attempt,
        prove=given.prove,
    )
    instead = "" if saved.supersedes is None else f", in place of version {saved.supersedes}"
    out.done(saved, saved.ref, f"saved as {saved.ref}: {render.weight(saved)}{instead}")


def _annotate(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    metrics, tags = arguments.metrics(given.metric), arguments.texts("--tag", given.tag)
    removed = [*given.remove_metric, *given.remove_tag]
    checks = arguments.outcomes(given.passed, given.failed)
    if not (metrics or tags or removed or checks) and given.description is None:
        fix = "Give --metric, --tag, --description, --passed, --failed or a --remove-…."
        raise InvalidInput("Nothing was to be changed.", fix=fix)
    annotated = store.annotate(
        given.ref,
        metrics={**metrics, **arguments.removals("--remove-metric", given.remove_metric, metrics)},
        tags={**tags, **arguments.removals("--remove-tag", given.remove_tag, tags)},
        description=given.description,
        checks=checks,
        key=given.key,
    )
    out.done(annotated, annotated.ref, f"annotated {annotated.ref}")


def _rm(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    parsed = parse_reference(given.ref)
    if parsed.number is None and parsed.alias is None:
        raise InvalidReference(
            f"{given.ref!r} does not say which version.",
            value=given.ref,
            fix=f"Write {parsed.name}@3 with the number to delete: `mstore ls {parsed.name}` lists them.",
        )
    ref = given.ref
    if asks(given, out, f"that {ref} is to be deleted"):
        found = store.get(ref)
        aliases = f" and its aliases {', '.join(found.aliases)}" if given.force and found.aliases else ""
        consent(out, f"Delete {found.ref} ({render.weight(found)}){aliases}?", "Nothing was deleted.")
        ref = found.ref  # what was agreed to, wherever an alias points by now
    gone = store.delete(ref, force=given.force, reason=given.reason, key=given.key)
    words = f"deleted {gone.ref}: `mstore restore {gone.ref}` brings it back until its files are collected"
    out.done(gone, gone.ref, words)


def _restore(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    back = store.restore(given.ref, reason=given.reason, key=given.key)
    out.done(back, back.ref, f"restored {back.ref}")


def _undo(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    seq = given.seq
    if asks(given, out, f"that the newest change of {given.name} is to be taken back"):
        newest = _newest_change(store, given.name)
        out.beside(lambda screen: render.events(newest, screen))
        consent(out, "Take this back?")
        seq = newest[0].seq if seq is None else seq  # what was agreed to, whatever others do meanwhile
    events = store.undo(given.name, seq=seq, reason=given.reason, key=given.key)
    out.data(events, lambda screen: render.events(events, screen))
    out.words(f"took back change {events[0].undoes} of {given.name}")


def _newest_change(store: ModelStore, name: str) -> Sequence[Event]:
    """What happened in the newest commit that changed anything."""
    for limit in (_A_FEW, None):
        changed = [event for event in store.history(name, limit=limit) if event.kind != "promotion.refused"]
        newest = [event for event in changed if event.seq == changed[0].seq]
        if len(newest) < len(changed):  # so all of it was in what was asked for
            break
    return newest


VERBS: Mapping[str, Do] = {
    "save": _save,
    "annotate": _annotate,
    "rm": _rm,
    "restore": _restore,
    "undo": _undo,
}
