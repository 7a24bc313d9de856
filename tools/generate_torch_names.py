"""Write core/modelstore_core/formats/trusted_torch_names.txt: the exact names that PyTorch's own modules are saved by.

As `generate_trusted_names.py` does, in an environment that has PyTorch: each name comes from a module that was really
made and saved here. What holds a function of the caller's, or loads something, is left out.

    .venv-formats/torch/bin/python tools/generate_torch_names.py   # after `make test-formats FRAMEWORKS=torch KEEP=1`
"""

import io
import itertools
import pathlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "core"))

from modelstore_core.formats.opcodes import UnscannableError  # noqa: E402 - found by the line above
from modelstore_core.formats.torch_zip import scan_torch  # noqa: E402

TARGET = ROOT / "core" / "modelstore_core" / "formats" / "trusted_torch_names.txt"
# lazy ones change their class when they are first called; the last keep references to what they were hooked to
REFUSED = (
    "torch.nn.modules.lazy",
    "torch.nn.modules.module.Module",
    "torch.nn.parallel",
    "torch.nn.parameter.Unin",
    "torch.utils",
)
ARGUMENTS: tuple[tuple[Any, ...], ...] = ((), (2,), (4, 2), (4, 2, 1), (2, 2, 3), (2, 2, 2, 2), ((2, 2),), (2, [4, 8]))
DTYPES = [dtype for dtype in vars(torch).values() if isinstance(dtype, torch.dtype)]


def modules() -> Iterator[Any]:
    """Every kind of module that PyTorch has, made with arguments that many of them take."""
    kinds = [kind for kind in vars(torch.nn).values() if isinstance(kind, type) and issubclass(kind, torch.nn.Module)]
    for kind, arguments in itertools.product(kinds, ARGUMENTS):
        with suppress(Exception):  # another number of arguments
            yield kind(*arguments)
    yield torch.nn.Sequential(torch.nn.Linear(2, 2))
    yield torch.nn.AdaptiveLogSoftmaxWithLoss(8, 10, [4])


def tensors() -> Iterator[Any]:
    """A tensor of every type, and the kinds of values that lie beside them."""
    for dtype in DTYPES:
        with suppress(Exception):  # types of which there are no plain tensors
            yield torch.zeros(2, dtype=dtype)
        yield dtype
    yield from (torch.nn.Parameter(torch.zeros(2)), torch.Size([1]), torch.device("cpu"), torch.eye(2).to_sparse())


def names(value: Any) -> Iterator[str]:
    """The names by which the value is saved."""
    for protocol in (2, 5):
        buffer = io.BytesIO()
        with suppress(Exception):  # what cannot be pickled has no names
            torch.save(value, buffer, pickle_protocol=protocol)
            with suppress(UnscannableError):
                yield from scan_torch(buffer).names.values()


def main() -> None:
    """Collect the names and write the file."""
    warnings.simplefilter("ignore")
    found = {name for value in (*modules(), *tensors()) for name in names(value)}
    listed = sorted(name for name in found if name.startswith("torch.") and not name.startswith(REFUSED))
    header = '# Exact names that trust="listed" allows. Written by tools/generate_torch_names.py.\n'
    TARGET.write_text(header + "".join(f"{name}\n" for name in listed), encoding="utf-8")


if __name__ == "__main__":
    main()
