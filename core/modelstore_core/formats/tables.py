"""NumPy arrays as `.npy`, pandas frames as Parquet: numbers and texts, and nothing that could be run."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.objects import class_name, is_a
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["NumpyFormat", "PandasFormat"]

_ARRAY: Final = "array.npy"
_FRAME: Final = "frame.parquet"


class NumpyFormat:
    """`array.npy`."""

    name = "numpy"

    def accepts(self, model: object) -> bool:
        """Whether the object is a plain array whose elements are no Python objects; those are left to pickle."""
        dtype = getattr(model, "dtype", None)
        return class_name(model) == "numpy.ndarray" and not getattr(dtype, "hasobject", True)

    def save(self, model: object, folder: Path) -> Saved:
        """Write `array.npy`."""
        import numpy as np

        with (folder / _ARRAY).open("wb") as file:
            np.save(file, model, allow_pickle=False)  # type: ignore[arg-type]  # `accepts` has looked
        return Saved(loads=(_ARRAY,), packages=("numpy",))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the array; a file that holds a pickle instead is refused.

        Raises:
            MissingExtra: NumPy is not installed.
            Corrupt: The file is no array without objects.
        """
        del trust
        try:
            import numpy as np
        except ModuleNotFoundError as error:
            raise missing_library("numpy", f"Loading {_ARRAY!r}") from error
        try:
            # not `np.load`, which takes a zip file as well and gives back something that is no array
            with (folder / loads[0]).open("rb") as file:
                return np.lib.format.read_array(file, allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise Corrupt(f"{loads[0]!r} is no array of numbers: {error}.", value=loads[0]) from error


class PandasFormat:
    """`frame.parquet`."""

    name = "pandas"

    def accepts(self, model: object) -> bool:
        """Whether the object is a frame, and pyarrow is there to write Parquet; other frames are left to pickle."""
        frame = is_a(model, "pandas.DataFrame", "pandas.core.frame.DataFrame")
        return frame and importlib.util.find_spec("pyarrow") is not None

    def save(self, model: object, folder: Path) -> Saved:
        """Write `frame.parquet`, index and column types included.

        Raises:
            NotSerializable: A column holds what Parquet has no type for.
        """
        frame: Any = model
        try:
            frame.to_parquet(folder / _FRAME, engine="pyarrow")
        except (ValueError, TypeError, NotImplementedError) as error:  # pyarrow's errors are both
            raise NotSerializable(
                f"The frame cannot be written as Parquet: {error}.",
                value=class_name(model),
                fix='Convert that column, or pass format="pickle".',
            ) from error
        return Saved(loads=(_FRAME,), packages=("pandas", "pyarrow"))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the frame.

        Raises:
            MissingExtra: pandas or pyarrow is not installed.
            Corrupt: The file is no Parquet.
        """
        del trust
        try:
            import pandas as pd

            return pd.read_parquet(folder / loads[0], engine="pyarrow")
        except ImportError as error:
            raise missing_library(error.name or "pyarrow", f"Loading {loads[0]!r}") from error
        except (ValueError, OSError) as error:
            raise Corrupt(f"{loads[0]!r} is no Parquet that pandas reads: {error}.", value=loads[0]) from error
