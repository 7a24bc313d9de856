"""What the verbs on a model as a whole do."""

import argparse
from collections.abc import Mapping

from modelstore_core.cli import arguments, render, shown
from modelstore_core.cli.consent import asks, consent
from modelstore_core.cli.output import Output
from modelstore_core.cli.verbs.protocol import Do
from modelstore_core.model.records import ModelSummary
from modelstore_core.store.facade import ModelStore

__all__ = ["VERBS"]


def _describe(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    tags = arguments.texts("--tag", given.tag)
    gone = arguments.removals("--remove-tag", given.remove_tag, tags)
    if given.description is None and given.owner is None and not (tags or gone):
        _show(store.model(given.name), out)
        return
    said = store.describe(
        given.name, description=given.description, tags={**tags, **gone}, owner=given.owner, key=given.key
    )
    _show(said, out)
    out.words(f"described {said.name}")


def _rm_model(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    if asks(given, out, f"that {given.name} is to be deleted"):
        found = store.model(given.name)
        aliases = f" and its aliases {', '.join(sorted(found.aliases))}" if found.aliases else ""
        consent(out, f"Delete {found.name} with {shown.counted(found.versions, 'version')}{aliases}?")
    gone = store.delete_model(given.name, reason=given.reason, key=given.key)
    out.done(
        gone,
        gone.name,
        f"deleted {gone.name}: `mstore restore-model {gone.name}` brings it back until its files are collected",
    )


def _restore_model(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    back = store.restore_model(given.name, reason=given.reason, key=given.key)
    out.done(back, back.name, f"restored {back.name} with {shown.counted(back.versions, 'version')}")


def _rename(store: ModelStore, given: argparse.Namespace, out: Output) -> None:
    if asks(given, out, f"that {given.old} is to be renamed"):
        consent(out, f"Rename {given.old} to {given.new}, for good?")
    now = store.rename(given.old, given.new, reason=given.reason)
    out.done(now, now.name, f"{given.old} is {now.name} now, with {shown.counted(now.versions, 'version')}")


def _show(found: ModelSummary, out: Output) -> None:
    out.data(found, lambda screen: render.model(found, screen))


VERBS: Mapping[str, Do] = {
    "describe": _describe,
    "rename": _rename,
    "rm-model": _rm_model,
    "restore-model": _restore_model,
}
