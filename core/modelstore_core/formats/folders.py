"""Objects to folders of files and back: the format chosen, its facts gathered, its folder made whole."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelstore_core.errors import Corrupt, InvalidInput
from modelstore_core.formats import environment, pickles
from modelstore_core.formats.around import add_files, complete
from modelstore_core.formats.detect import choose, format_named, format_names
from modelstore_core.formats.mlflow import load_pyfunc
from modelstore_core.formats.objects import class_name
from modelstore_core.formats.parameters import parameters
from modelstore_core.formats.paths import is_file_inside
from modelstore_core.formats.protocol import Format, Written
from modelstore_core.formats.signature import describe_example
from modelstore_core.formats.trust import Trust

__all__ = ["format_names", "read", "read_pyfunc", "write", "write_with"]


def write(
    model: object,
    folder: Path,
    *,
    format: str | None = None,  # noqa: A002 - the word users know
    input_example: object = None,
    extra_files: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Written:
    """Write the object into an existing, empty folder; equal objects give byte-equal folders.

    A failure may leave files behind: the folder is the caller's, to be dropped as a whole.

    Args:
        model: What to write.
        folder: Where to.
        format: A format's name; None chooses by the object's class.
        input_example: A few rows that `predict` takes; they are stored, and the signature is inferred from them.
        extra_files: What else belongs to the version, by name below `extra_files/`.

    Raises:
        UnknownFormat: No format has that name.
        NotSerializable: The format does not take the object, or the object cannot be written.
        InvalidInput: The example cannot be stored as MLflow reads it, or the model cannot predict it; or an extra file
            has no usable name, or is not there.
    """
    chosen = choose(model, format)
    return write_with(chosen, model, folder, input_example=input_example, extra_files=extra_files)


def write_with(
    chosen: Format,
    model: object,
    folder: Path,
    *,
    input_example: object = None,
    extra_files: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Written:
    """`write` with a format that is at hand, whether or not it is known by its name.

    Raises:
        NotSerializable: The object cannot be written.
        InvalidInput: As `write`.
    """
    # Before the model is written: a prediction may fill caches that are part of the model's state.
    example = None if input_example is None else describe_example(chosen, model, input_example)
    saved = chosen.save(model, folder)
    if example is not None and not saved.flavors:
        raise InvalidInput(
            f"A {class_name(model)} stored as {chosen.name!r} has no use for an input example.",
            value="input_example",
            fix="Leave `input_example=` out.",
        )
    names = tuple(sorted({name for file in saved.pickles for name in pickles.named(folder / file)}))
    add_files(folder, extra_files or {})
    facts = environment.describe({*saved.packages, *names, *(kind.__module__ for kind in type(model).__mro__)})
    complete(folder, saved, facts, example)
    return Written(
        format=chosen.name,
        loads=saved.loads,
        globals=names,
        environment=facts,
        signature=None if example is None else example.signature,
        # A path says nothing of what lies there.
        model_type="" if isinstance(model, os.PathLike) else class_name(model),
        model_params=parameters(chosen, model),
    )


def read(folder: Path, *, format: str, loads: Sequence[str], trust: Trust) -> object:  # noqa: A002 - as in `write`
    """The native object, from files whose bytes have been checked; only those in `loads` need to be there.

    Raises:
        UnknownFormat: No format has that name here.
        Untrusted: The policy forbids it; nothing was constructed.
        MissingExtra: A library is not installed, or not in a version that fits.
        Corrupt: `loads` names what is not a file of the folder.
    """
    chosen = format_named(format)
    if not loads:
        raise Corrupt("The version's record names no file to load.", value="loads")
    for name in loads:
        if not is_file_inside(folder, name):
            raise Corrupt(f"{name!r} is no file of the version.", value=name)
    return chosen.load(folder, loads, trust)


def read_pyfunc(folder: Path, *, trust: Trust) -> object:
    """The folder as an `mlflow.pyfunc` model; every pickle that MLflow would open is judged first.

    Raises:
        Untrusted: The policy forbids what the folder names; nothing was constructed.
        InvalidInput: The folder is no MLflow model, or not one that can predict.
        MissingExtra: MLflow, or a library of the model, is not installed.
    """
    return load_pyfunc(folder, trust)
