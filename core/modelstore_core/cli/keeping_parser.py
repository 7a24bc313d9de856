"""The grammar of the verbs that look after a store."""

import argparse
from typing import Protocol

__all__ = ["add_keeping"]


class Verbs(Protocol):
    """Where verbs are added."""

    def add(self, form: str, what: str, more: str, *examples: str) -> argparse.ArgumentParser:
        """A verb and its operands, its line in the list of verbs, what else is to be said, and examples."""


def add_keeping(verbs: Verbs) -> None:
    """Add all of them."""
    _add_prune(verbs)
    _add_collect(verbs)
    _add_checks(verbs)
    _add_maintain(verbs)
    _add_copy(verbs)


def _add_prune(verbs: Verbs) -> None:
    prune = verbs.add(
        "prune [NAME]",
        "delete the versions that are too many or too old",
        "What is among the newest N, or younger than D, or what an alias points to, stays.\n"
        "`mstore restore` brings versions back until they are collected.",
        "risk.churn --keep 30 --dry-run",
        "--keep 10 --older-than 90d --yes",
    )
    prune.add_argument("name", metavar="NAME", nargs="?", help="the model; all of them if left out")
    prune.add_argument("--keep", metavar="N", type=int, help="how many of the newest live versions stay")
    prune.add_argument("--older-than", metavar="D", help="what is younger stays: 90d, 12w, 36h")
    _add_consent(prune, "delete nothing, and list what would be deleted")
    prune.add_argument("--reason", metavar="TEXT", default="", help="why, for history")
    prune.add_argument("--key", metavar="KEY", help="names this piece of work: a retry deletes nothing twice")


def _add_collect(verbs: Verbs) -> None:
    collect = verbs.add(
        "collect [NAME]",
        "remove the files that no version needs, for good",
        "Those of deleted and superseded versions that no alias points to, of saves that never ended, and half-sent\n"
        "uploads. Safe at any time, beside any writer.",
        "--dry-run",
        "risk.churn --older-than 7d --yes",
    )
    collect.add_argument("name", metavar="NAME", nargs="?", help="the model; all of them if left out")
    collect.add_argument("--older-than", metavar="D", default="24h", help="what is younger stays; 24h if left out")
    _add_consent(collect, "remove nothing, and list what would be removed")


def _add_checks(verbs: Verbs) -> None:
    verify = verbs.add(
        "verify [NAME]",
        "look whether everything is there, and what it was",
        "Commits, what follows from them, and that each file is there and of its size; with --read-data their bytes.\n"
        "Ends with code 10 if something is damaged, or still to be repaired.",
        "",
        "risk.churn --read-data",
        "--read-data 3/7 --json",
        "--repair",
    )
    verify.add_argument("name", metavar="NAME", nargs="?", help="the model; all of them if left out")
    verify.add_argument(
        "--read-data",
        metavar="N/T",
        nargs="?",
        const=True,
        default=False,
        help="compare every file's sha256; N/T: of the N-th of T shares only",
    )
    verify.add_argument("--repair", action="store_true", help="write anew what follows from the log; nothing else")
    verify.add_argument(
        "--head", metavar="SHA256", help="a commit's that was the newest of NAME once: is it still there?"
    )
    doctor = verbs.add(
        "doctor",
        "try on the storage what a store needs of it",
        "Each finding says what to do. What is written for it is deleted again. Ends with code 10 if something fails.",
        "",
        "--read-only --store s3://bucket/prefix",
    )
    doctor.add_argument("--read-only", action="store_true", help="write nothing, and say what could not be tried")


def _add_maintain(verbs: Verbs) -> None:
    maintain = verbs.add(
        "maintain [NAME]",
        "make long histories fast to list",
        "Writes listings of all versions in a few large objects, and blocks of commits where one is missing.\n"
        "Never needed for a right answer. Safe at any time, beside any writer.",
        "risk.churn",
        "--json",
    )
    maintain.add_argument("name", metavar="NAME", nargs="?", help="the model; all of them if left out")


def _add_copy(verbs: Verbs) -> None:
    copy = verbs.add(
        "copy REF TO",
        "publish a copy of a version in another store",
        "Its files are held to their record on the way. Again makes no second copy; aliases do not come along.",
        "risk.churn@champion s3://prod/models --alias candidate",
        "risk.churn@3 . --store s3://prod/models --name risk.churn.investigated",
    )
    copy.add_argument("ref", metavar="REF")
    copy.add_argument("to", metavar="TO", help="the other store's URL")
    copy.add_argument("--name", metavar="NAME", help="the model it becomes a version of; the same if left out")
    copy.add_argument(
        "--alias",
        metavar="ALIAS",
        action="append",
        default=[],
        help="points to the copy from its first moment; repeatable",
    )
    copy.add_argument(
        "--to-option",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="of the other storage, as --option is of this one; repeatable",
    )
    copy.add_argument("--key", metavar="KEY", help="names this piece of work; made of the original if left out")


def _add_consent(verb: argparse.ArgumentParser, dry: str) -> None:
    verb.add_argument("--dry-run", action="store_true", help=dry)
    verb.add_argument("--yes", action="store_true", help="do not ask; needed where there is no terminal")
