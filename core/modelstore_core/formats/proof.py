"""Whether a folder of files gives back the object it was made from, in a process that knows nothing else.

The process that saves writes a task; a process of its own (`python -c`, see `COMMAND`) reads the files, predicts and
compares. Both are the caller's own: what is unpickled here is the object the caller has just saved, and the task.
"""

import json
import pickle
import platform
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import ModelStoreError
from modelstore_core.formats.detect import format_named
from modelstore_core.formats.folders import read
from modelstore_core.formats.objects import Predicts
from modelstore_core.formats.trust import FULL

__all__ = ["COMMAND", "main", "write_task"]

COMMAND: Final = "import sys; sys.path.append(sys.argv[1]); from modelstore_core.formats.proof import main; main()"
"""What the process runs; its arguments are the folder of this package, the task and where the outcome goes."""


def write_task(
    path: Path,
    folder: Path,
    *,
    format: str,  # noqa: A002 - as in `read`
    loads: Sequence[str],
    model: object,
    example: object,
) -> None:
    """Write down what to read, what to predict, and what this process predicts.

    Raises:
        Exception: Whatever the model raises when it predicts.
    """
    expected = None if example is None else _prediction(format, model, example)
    task = {"folder": str(folder), "format": format, "loads": tuple(loads), "example": example, "expected": expected}
    with path.open("wb") as file:
        pickle.dump(task, file, protocol=pickle.HIGHEST_PROTOCOL)


def main() -> None:
    """Carry out the task; what goes wrong is the last thing said on stderr."""
    task_path, outcome_path = (Path(argument) for argument in sys.argv[2:4])
    with task_path.open("rb") as file:
        task = pickle.load(file)  # written by the process that started this one, in a folder of its own
    try:
        model = read(Path(task["folder"]), format=task["format"], loads=task["loads"], trust=FULL)
    except ModelStoreError as error:
        sys.exit(f"{error}\n")
    expected = task["expected"]
    predicted = None
    if expected is not None:
        predicted = _same(_prediction(task["format"], model, task["example"]), expected)
        if not predicted:
            sys.exit("It predicts something else for the input example than the model that was saved.")
    outcome = {"loaded": True, "predicted": predicted, "python": platform.python_version()}
    outcome_path.write_text(json.dumps(outcome), encoding="utf-8")


def _prediction(name: str, model: Any, example: Any) -> Any:
    """What the model says to the example, as an array; None if it has no way to predict."""
    chosen = format_named(name)
    if isinstance(chosen, Predicts):
        answer = chosen.predict(model, example.copy())
    elif callable(getattr(model, "predict", None)):
        answer = model.predict(example.copy())
    else:
        return None
    dense = answer.toarray() if hasattr(answer, "toarray") else answer
    return import_module("numpy").asarray(dense)


def _same(here: Any, there: Any) -> bool:
    """Whether two arrays are equal, numbers up to what another order of additions makes of them."""
    numpy = import_module("numpy")
    if here is None or here.shape != there.shape or here.dtype.kind != there.dtype.kind:
        return False
    if here.dtype.kind in "fc":
        return bool(numpy.allclose(here, there, equal_nan=True))
    return bool((here == there).all())
