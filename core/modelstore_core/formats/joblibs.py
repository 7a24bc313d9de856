"""Files that `joblib.dump` wrote, compressed or not: kept as they are, and loaded as the objects in them."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from modelstore_core.formats import pickles
from modelstore_core.formats.joblib_files import JoblibScan, read_joblib, scan_joblib
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.opcodes import UnscannableError
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_pickle, refuse_shape, refuse_unlisted

__all__ = ["JoblibFormat"]


class JoblibFormat:
    """One file, under its own name. Objects are saved by other formats: this one takes what is a file already."""

    name = "joblib"

    def accepts(self, model: object) -> bool:
        """No object: `save(Path("model.joblib"), …, format="joblib")` takes the file."""
        del model
        return False

    def save(self, model: object, folder: Path) -> Saved:
        """Never asked for: `accepts` says no."""
        raise AssertionError((model, folder))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the object under the policy.

        Raises:
            Untrusted: The policy says no; nothing was constructed.
            MissingExtra: A library that the file names, or with full trust joblib, is missing or does not fit.
            Corrupt: The file is no whole file of joblib's.
        """
        path = folder / loads[0]
        if trust.level == "full":
            return pickles.built(lambda: _by_joblib(path), path)
        with path.open("rb") as file:
            scan = _judged(file, path, trust)
            return pickles.built(lambda: read_joblib(file, scan, path.name), path)

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Return only if the policy allows every name in the file, wherever it lies between arrays.

        Raises:
            Untrusted: The policy says no.
        """
        path = folder / loads[0]
        if trust.level != "full":
            with path.open("rb") as file:
                _judged(file, path, trust)


def _judged(file: BinaryIO, path: Path, trust: Trust) -> JoblibScan:
    where = repr(path.name)
    refuse_pickle(trust, where)
    try:
        scan = scan_joblib(file)
    except UnscannableError as error:
        refuse_shape(where, str(error))
    if scan.doubt is not None:
        refuse_shape(where, scan.doubt, trust.unlisted(scan.names.values()))
    refuse_unlisted(trust, scan.names.values(), where)
    return scan


def _by_joblib(path: Path) -> object:
    try:
        joblib = import_module("joblib")
    except ModuleNotFoundError as error:
        raise missing_library("joblib", f"Loading {path.name!r}") from error
    loaded: object = joblib.load(path)
    return loaded
