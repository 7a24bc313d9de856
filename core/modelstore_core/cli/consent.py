"""Asking before what cannot be taken for granted: a person answers, a script says --yes."""

import argparse

from modelstore_core.cli.exits import Declined
from modelstore_core.cli.output import Output
from modelstore_core.errors import InvalidInput

__all__ = ["asks", "consent"]


def asks(given: argparse.Namespace, out: Output, what: str) -> bool:
    """Whether somebody is to be asked first: not with --yes, nor where nothing is changed.

    Raises:
        InvalidInput: Nobody is there; `what` is what would have been asked about.
    """
    can_look = "dry_run" in given
    if given.yes or (can_look and given.dry_run):
        return False
    if not out.can_ask():
        raise InvalidInput(
            f"Nobody is here to confirm {what}.",
            fix="Pass --yes, or look with --dry-run." if can_look else "Pass --yes.",
        )
    return True


def consent(out: Output, question: str, no: str = "Nothing was changed.") -> None:
    """Ask, and go on only after a yes.

    Raises:
        Declined: The answer was another.
    """
    if not out.confirmed(question):
        raise Declined(no)
