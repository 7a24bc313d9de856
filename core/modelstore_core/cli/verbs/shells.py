"""What the verb does that needs no store."""

import argparse
from collections.abc import Callable, Mapping

from modelstore_core.cli.output import Output, Shown
from modelstore_core.cli.scripts import SCRIPTS

__all__ = ["VERBS"]


def _completion(given: argparse.Namespace, out: Output) -> None:
    script = SCRIPTS[given.shell]
    out.data({"shell": given.shell, "script": script}, lambda _: Shown(text=script.rstrip()))


VERBS: Mapping[str, Callable[[argparse.Namespace, Output], None]] = {"completion": _completion}
