"""`mstore`: every verb of the Python API on the command line.

`mstore --help` must answer at once: what carries a verb out is imported when the verb is known.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from modelstore_core.cli.exits import Exit, exit_of
from modelstore_core.cli.output import Output, ReaderGone
from modelstore_core.cli.parser import parse

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no exception leaves this function.

    Args:
        argv: The words after `mstore`; those of the process if left out.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == ["__complete"]:
        from modelstore_core.cli.completion.answering import complete

        return complete(words[1:])
    output = Output(json="--json" in words)  # known before the words are parsed: that may fail too
    try:
        return _run(words, output)
    except ReaderGone:
        return Exit.OK
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 -- the outermost frame: every end has its code
        with suppress(ReaderGone, OSError):  # nobody is left to be told, but the code still says it
            output.error(error, _trace(error))
        return exit_of(type(error))


def _run(words: Sequence[str], output: Output) -> Exit:
    try:
        arguments = parse(words)
    except SystemExit:  # --help and --version end so; wrong usage is `InvalidInput`
        output.finish()
        return Exit.OK
    from modelstore_core.cli.running import run

    return run(arguments, output)


def _trace(error: BaseException) -> str:
    """The traceback if MODELSTORE_DEBUG asks for it, else ""."""
    if os.environ.get("MODELSTORE_DEBUG", "0") in {"", "0"}:
        return ""
    import traceback

    return "".join(traceback.format_exception(error))
