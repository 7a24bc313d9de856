"""What the tests of every framework do: store a model, read it in a process that knows nothing, and be hostile."""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.formats.fresh import run

from modelstore_core.errors import Untrusted
from modelstore_core.formats import Trust, Written, parse_trust, write
from modelstore_core.formats.survey import survey

__all__ = ["Stored", "answer_elsewhere", "differing", "flavors", "store", "told", "untrusted"]


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


def told(stored: Stored, *packages: str) -> dict[str, Any]:
    """What the record says of the model's parameters; it must say which of these packages' versions made it, too."""
    pins: Any = stored.written.environment["requirements"]
    assert {f"{package}=={version(package)}" for package in packages} <= set(pins)
    return stored.written.model_params


def differing(train: Callable[[], object], folder: Path) -> set[str]:
    """The files in which the folders of two equal trainings of one process differ, or which only one of them has."""
    made = []
    for name in ("once", "twice"):
        top = store(train(), folder / name).folder
        made.append({path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()})
    first, second = made
    return {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}


def untrusted(load: Any, trust: object = "listed", *, seen_in: Stored | None = None) -> Untrusted:
    """The refusal of a load; with `seen_in`, who looks at the folder without loading it must be told the same."""
    policy = parse_trust(trust)  # type: ignore[arg-type] # what users may pass
    with pytest.raises(Untrusted) as refusal:
        load(policy)
    if seen_in is not None:
        found = _seen(seen_in, policy)
        assert (str(found), found and found.names) == (str(refusal.value), refusal.value.names)
    return refusal.value


def _seen(stored: Stored, policy: Trust) -> Untrusted | None:
    top, one = stored.folder, stored.written
    sizes = {path.relative_to(top).as_posix(): path.stat().st_size for path in top.rglob("*") if path.is_file()}
    return survey(top, format=one.format, loads=one.loads, sizes=sizes, trust=policy).refusal
