"""`mstore describe`, `rm-model`, `restore-model` and `rename`: their grammar and what they do."""

import argparse
from typing import TYPE_CHECKING

from modelstore_core.cli.keeping_parser import Verbs

# The parser of every command imports this module, and must answer at once.
if TYPE_CHECKING:
    from modelstore_core.cli.output import Output
    from modelstore_core.model.records import ModelSummary
    from modelstore_core.store.facade import ModelStore

__all__ = ["add_whole", "run_describe", "run_rename", "run_restore_model", "run_rm_model"]


def add_whole(verbs: Verbs) -> None:
    """Add the verbs."""
    describe = verbs.add(
        "describe NAME",
        "show or change what is said of a model as a whole",
        "Without options it is shown. All of it may have 4 KiB.",
        "risk.churn",
        "risk.churn --description 'Churn within 30 days' --owner ada@example.org --tag team=risk",
        "risk.churn --remove-tag team",
    )
    describe.add_argument("name", metavar="NAME")
    describe.add_argument("--description", metavar="TEXT", help="instead of the one there")
    describe.add_argument("--owner", metavar="WHO", help="who answers for it; nobody's right depends on it")
    for option, form, what in (
        ("--tag", "NAME=TEXT", "a text; repeatable"),
        ("--remove-tag", "NAME", "takes the tag away; repeatable"),
    ):
        describe.add_argument(option, metavar=form, action="append", default=[], help=what)
    remove = verbs.add(
        "rm-model NAME",
        "take a model with all its versions out of every listing",
        "`mstore restore-model` brings it back until its files are collected. Its name and numbers stay its own.",
        "risk.churn",
        "risk.churn --yes --reason 'replaced by risk.churn30'",
    )
    restore = verbs.add(
        "restore-model NAME", "bring a deleted model back, with all that is left of it", "", "risk.churn"
    )
    for verb in (remove, restore):
        verb.add_argument("name", metavar="NAME")
    rename = verbs.add(
        "rename OLD NEW",
        "give a model another name, with all that it has",
        "Safe beside any reader and writer. If it is interrupted, run it again. OLD then says where the model is, for\n"
        "good: neither name can be given to another model.",
        "churn risk.churn",
        "churn risk.churn --yes --reason 'one scheme for all'",
    )
    rename.add_argument("old", metavar="OLD")
    rename.add_argument("new", metavar="NEW")
    for verb in (remove, rename):
        verb.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
    for verb in (remove, restore, rename):
        verb.add_argument("--reason", metavar="TEXT", default="", help="why, for history")
    for verb in (describe, remove, restore):
        verb.add_argument("--key", metavar="KEY", help="names this piece of work: a retry with it changes nothing")


def run_describe(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """Show or change what is said of a model."""
    from modelstore_core.cli import arguments

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


def run_rm_model(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """Delete a model, once somebody has agreed."""
    if not given.yes:
        found = store.model(given.name)
        aliases = f" and its aliases {', '.join(sorted(found.aliases))}" if found.aliases else ""
        _confirm(out, f"Delete {found.name} with {_counted(found)}{aliases}?", f"{given.name} is to be deleted")
    gone = store.delete_model(given.name, reason=given.reason, key=given.key)
    _name(gone, out)
    out.words(f"deleted {gone.name}: `mstore restore-model {gone.name}` brings it back until its files are collected")


def run_restore_model(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """Bring a model back."""
    back = store.restore_model(given.name, reason=given.reason, key=given.key)
    _name(back, out)
    out.words(f"restored {back.name} with {_counted(back)}")


def run_rename(store: "ModelStore", given: argparse.Namespace, out: "Output") -> None:
    """Rename a model, once somebody has agreed."""
    if not given.yes:
        _confirm(out, f"Rename {given.old} to {given.new}, for good?", f"{given.old} is to be renamed")
    now = store.rename(given.old, given.new, reason=given.reason)
    _name(now, out)
    out.words(f"{given.old} is {now.name} now, with {_counted(now)}")


def _confirm(out: "Output", question: str, what: str) -> None:
    from modelstore_core.cli.exits import Declined
    from modelstore_core.errors import InvalidInput

    if not out.can_ask():
        raise InvalidInput(f"Nobody is here to confirm that {what}.", fix="Pass --yes.")
    if not out.confirmed(question):
        raise Declined("Nothing was changed.")


def _show(found: "ModelSummary", out: "Output") -> None:
    from modelstore_core.cli import render

    out.data(found, lambda screen: render.model(found, screen))


def _name(found: "ModelSummary", out: "Output") -> None:
    from modelstore_core.cli import render

    out.data(found, render.line(found.name))


def _counted(found: "ModelSummary") -> str:
    return f"{found.versions} version{'' if found.versions == 1 else 's'}"
