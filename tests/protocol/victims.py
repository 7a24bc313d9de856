"""A process that forks one victim after the other, each ready to do one step as soon as a tracer has hold of it.

So that the count of a tracer begins with the step itself, and what a victim imports was imported once for all of them.
For each line "step" on standard input a victim is made and its process id printed; at the next line it begins, and how
it ended is printed: "done" or "killed", or else the kind of the error that was raised.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from modelstore_core import ModelStore, ModelStoreError

__all__ = ["STEPS"]

_PR_SET_PTRACER, _ANY = 0x59616D61, -1

STEPS: Mapping[str, Callable[[ModelStore, Path], object]] = {
    "first save": lambda store, file: store.save(file, "m", key="k", aliases=["new"]).number,
    "save": lambda store, file: store.save(file, "m", key="k", aliases=["new"]).number,
    "promote": lambda store, file: store.promote("m@2", "steady", key="k").number,
    "delete": lambda store, file: store.delete("m@1", force=True, key="k").number,
    "collect": lambda store, file: len(store.collect(older_than=0).removed),
}


def victim(step: str, url: str, file: Path, gate: int, tell: int) -> None:
    """Wait at the gate, do the step and say how it went; never returns."""
    try:
        os.read(gate, 1)
        STEPS[step](ModelStore(url), file)
        said = "done"
    except ModelStoreError as error:
        said = error.kind
    except BaseException as error:  # noqa: BLE001 -- whatever it is, it must not get into the forked test
        said = f"untyped: {error!r}"
    os.writev(tell, [said.encode()])  # not `write`, which is what the store does
    os._exit(0)


def main(url: str, file: str) -> None:
    """Serve until standard input ends."""
    with TemporaryDirectory() as scratch:  # import all that the steps import
        Path(scratch, "file").write_bytes(b"1")
        store = ModelStore(scratch)
        store.save(Path(scratch, "file"), "m")
        for step in STEPS.values():
            step(store, Path(scratch, "file"))
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)  # where only parents may trace, a tracer beside us may too
    for line in sys.stdin:
        gate, open_gate = os.pipe()
        hear, tell = os.pipe()
        process = os.fork()
        if process == 0:
            os.close(open_gate)
            victim(line.strip(), url, Path(file), gate, tell)
        os.close(gate)
        os.close(tell)
        print(process, flush=True)
        sys.stdin.readline()
        os.close(open_gate)
        with os.fdopen(hear) as heard:
            said = heard.read()
        os.waitpid(process, 0)
        print(said or "killed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
