"""What the tests of every framework do: store a model, read it in a process that knows nothing, and be hostile."""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.formats.fresh import run

from modelstore_core.errors import Untrusted
from modelstore_core.formats import Written, parse_trust, write

__all__ = ["Stored", "answer_elsewhere", "flavors", "store", "untrusted"]


@dataclass(frozen=True)
class Stored:
    """A model in its folder."""

    folder: Path
    written: Written


def store(model: object, folder: Path, **options: Any) -> Stored:
    """Write the model into a new folder."""
    folder.mkdir()
    return Stored(folder=folder, written=write(model, folder, **options))


_READ = """
import json, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from modelstore_core.formats import parse_trust, read
folder, format, loads, trust = json.loads(sys.argv[1])
model = read(Path(folder), format=format, loads=loads, trust=parse_trust(trust))
assert not {"mlflow", "yaml.mlflow"} & set(sys.modules), "imported MLflow"
"""
_READ_PYFUNC = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(json.loads(sys.argv[1])[0])
assert "modelstore_core" not in sys.modules
"""


def answer_elsewhere(stored: Stored, code: str, *, trust: object = "full", pyfunc: bool = False) -> Any:
    """What code that has `model`, in a process that has seen nothing of this one, prints last, as JSON.

    With `pyfunc`, plain MLflow loads the folder instead.
    """
    one = stored.written
    given = json.dumps([str(stored.folder), one.format, one.loads, trust])
    return json.loads(run((_READ_PYFUNC if pyfunc else _READ) + code, given, seconds=540).splitlines()[-1])


def flavors(stored: Stored) -> dict[str, Any]:
    """The flavors of the folder's MLmodel, as MLflow reads them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import yaml

        found: dict[str, Any] = yaml.safe_load((stored.folder / "MLmodel").read_text())["flavors"]
    return found


def untrusted(load: Any, trust: object = "listed") -> Untrusted:
    """The refusal of a load."""
    with pytest.raises(Untrusted) as refusal:
        load(parse_trust(trust))  # type: ignore[arg-type] # what users may pass
    return refusal.value
