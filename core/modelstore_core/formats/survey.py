"""What a version's files are and what a reader's policy says to them, found without loading any of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from modelstore_core.errors import Corrupt, InvalidInput, MissingExtra, UnknownFormat, Untrusted
from modelstore_core.formats import mlflow, pickles, several, torch_files
from modelstore_core.formats.containers import Content, content_of
from modelstore_core.formats.detect import format_named
from modelstore_core.formats.estimators import ESTIMATOR, is_shipped_loader, read_document
from modelstore_core.formats.mlmodel import MLMODEL, read_flavor
from modelstore_core.formats.objects import Checks
from modelstore_core.formats.onnx import check_no_other_files
from modelstore_core.formats.paths import is_file_inside
from modelstore_core.formats.trust import Trust, refuse_pickle, refuse_shape, refuse_unlisted
from modelstore_core.model.inspection import InspectedFile

__all__ = ["NAMES_A_CLASS", "Survey", "survey"]

_Way: TypeAlias = Literal["unpickled", "torch", "onnx", "class", "own", "path", "asked", "unknown"]
"""How a format opens a file: what is asked of the policy before, exactly as its `load` does.

"class": an MLmodel or a document that names a class; "own": a library's own form, which holds no code; "path": not
opened at all; "unknown": in a way of the format's own, so that every pickle in it counts; "asked": so too, and the
format judged it.
"""

_UNPICKLED: Final = frozenset({"sklearn", "pickle", "statsmodels"})
_OWN: Final = frozenset({"annoy", "catboost", "numpy", "pandas", "prophet"})
_PATHS: Final = frozenset({"file", "folder"})
_LARGEST_MLMODEL: Final = 16 << 20
NAMES_A_CLASS: Final = "text that names a class"
"""The kind of a file whose one name is that of the object's class: read, and not unpickled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What was found.

    Attributes:
        files: Every file, with what it is.
        refusal: The error that `load` would raise under the policy; None: it would go ahead.
        risks: What concerns the version as a whole.
    """

    files: tuple[InspectedFile, ...]
    refusal: Untrusted | None
    risks: tuple[str, ...]


def survey(folder: Path, *, format: str, loads: Sequence[str], sizes: Mapping[str, int], trust: Trust) -> Survey:  # noqa: A002 - as in `read`
    """Look at a folder whose bytes have been checked.

    Args:
        folder: Where the files lie.
        format: The format's name, as recorded.
        loads: The files that it loads, as recorded.
        sizes: Every file and its size.
        trust: The reader's policy.
    """
    risks: list[str] = []
    refusals: list[Untrusted] = []
    ways: dict[str, _Way] = {}
    try:
        for part in _parts(folder, format, loads, ""):
            asked = _asked(folder, part, trust)
            ways.update(
                {path: "asked" if asked.judged and way == "unknown" else way for path, way in part.ways.items()}
            )
            refusals += asked.refusals
            risks += asked.risks
    except (Corrupt, RecursionError) as error:
        risks.append(f"does not load: {error}")
    risks += [f"does not load: it opens {path!r}, which is no file of the version" for path in ways.keys() - sizes]
    looked = [_look(folder, path, size, ways.get(path), trust) for path, size in sizes.items()]
    refusals += [refusal for _, refusal in looked if refusal is not None]
    risks += [f"as_='pyfunc' is refused: {why}" for why in _pyfunc(folder, trust)]
    return Survey(files=tuple(file for file, _ in looked), refusal=_one(refusals, trust), risks=tuple(risks))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one format opens: the version, or a member of it, which lies `below` the version's folder."""

    format: str
    below: str
    loads: Sequence[str]
    ways: Mapping[str, _Way]


def _parts(folder: Path, name: str, loads: Sequence[str], below: str) -> Iterator[_Part]:
    if name != "several":
        ways = {f"{below}{path}": _way(name, path) for path in loads}
        yield _Part(format=name, below=below, loads=loads, ways=ways)
        return
    yield _Part(format=name, below=below, loads=loads, ways={f"{below}{several.INDEX}": "own"})
    for key, (member, files) in several.read_index(folder / below).items():
        yield from _parts(folder, member, files, f"{below}{key}/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a format says of its own files: whether it judged them, and in what words it could not."""

    judged: bool = False
    refusals: tuple[Untrusted, ...] = ()
    risks: tuple[str, ...] = ()


def _asked(folder: Path, part: _Part, trust: Trust) -> _Answer:
    try:
        chosen = format_named(part.format)
        if not isinstance(chosen, Checks):
            known = "unknown" not in part.ways.values()
            unseen = f"the format {part.format!r} has no `check`: it may refuse more than is seen here"
            return _Answer(risks=() if known else (unseen,))
        chosen.check(folder / part.below, part.loads, trust)
    except Untrusted as refusal:
        return _Answer(judged=True, refusals=(refusal,))
    except (Corrupt, MissingExtra, UnknownFormat, OSError, IndexError) as error:
        return _Answer(risks=(f"does not load here: {error}",))
    return _Answer(judged=True)


def _way(name: str, path: str) -> _Way:
    if name in _PATHS:
        return "path"
    if path == MLMODEL:
        return "class" if name == "xgboost" else "own"
    if path == ESTIMATOR and name in {"xgboost", "lightgbm"}:
        return "class"
    if name == "onnx":
        return "onnx"
    if name in _UNPICKLED or (name == "lightgbm" and path.endswith(".pkl")):
        return "unpickled"
    if name == "pytorch" or (name == "state_dict" and path.endswith(".pth")):
        return "torch"
    return "own" if name in _OWN or name in {"xgboost", "lightgbm", "state_dict"} else "unknown"


def _look(folder: Path, path: str, size: int, way: _Way | None, trust: Trust) -> tuple[InspectedFile, Untrusted | None]:
    if not is_file_inside(folder, path):
        file = InspectedFile(
            path=path, size=size, opened=way is not None, kind="missing", risks=("is no regular file",)
        )
        return file, None
    content = content_of(folder / path)
    if is_shipped_loader(folder / path):
        content = replace(content, kind="loader for MLflow")
    if way == "class":
        named = _class_named(folder / path)
        content = replace(content, names=named, kind=NAMES_A_CLASS if named else content.kind)
    refusal = _judged(folder / path, way, content, trust)
    file = InspectedFile(
        path=path,
        size=size,
        opened=way not in {None, "path"},
        kind=content.kind,
        globals=content.names,
        refused=() if refusal is None else refusal.names,
        risks=tuple(_risks(content, way)),
    )
    return file, refusal


def _risks(content: Content, way: _Way | None) -> Iterator[str]:
    if any(name.startswith("cloudpickle.") for name in content.names):
        yield "carries Python code by value: whatever it is, it runs when it is loaded"
    if any(name.startswith(("__main__.", "__mp_main__.")) for name in content.names):
        yield "names definitions of a main script, which other processes do not have"
    if content.pickled and way in {None, "path"}:
        yield "holds a pickle: loading the version does not open it, but who does runs what it names"
    if content.pickled and way in {"own", "class", "onnx"}:
        yield "is no file of its format but holds a pickle, which loading does not open as one"
    yield from (f"cannot be judged: {doubt}" for doubt in content.doubts)
    yield from content.risks


def _judged(path: Path, way: _Way | None, content: Content, trust: Trust) -> Untrusted | None:
    """What `load` would raise for this file."""
    try:
        match way:
            case "unpickled":
                pickles.check(path, trust)
            case "torch":
                torch_files.check(path, trust)
            case "onnx":
                check_no_other_files(path)
            case "class":
                refuse_unlisted(trust, content.names, repr(path.name))
            case "unknown" if content.pickled:
                _check_unknown(path.name, content, trust)
            case _:
                pass
    except Untrusted as refusal:
        return refusal
    except (Corrupt, MissingExtra):
        pass  # of such a file `load` constructs nothing either
    return None


def _check_unknown(name: str, content: Content, trust: Trust) -> None:
    refuse_pickle(trust, repr(name))
    if content.doubts and trust.level != "full":
        refuse_shape(repr(name), content.doubts[0], trust.unlisted(content.names))
    refuse_unlisted(trust, content.names, repr(name))


def _class_named(path: Path) -> tuple[str, ...]:
    if path.stat().st_size > _LARGEST_MLMODEL:
        return ()
    try:
        name = (
            read_document(path.parent)["class"]
            if path.name == ESTIMATOR
            else read_flavor(path.parent, "xgboost").get("model_class")
        )
    except (Corrupt, MissingExtra):
        return ()
    return (name,) if isinstance(name, str) else ()


def _pyfunc(folder: Path, trust: Trust) -> Iterator[str]:
    """Why MLflow would not be let at the folder; nothing for a folder that is none of its models."""
    if not is_file_inside(folder, MLMODEL):
        return
    try:
        mlflow.check_pyfunc(folder, trust)
    except (Untrusted, InvalidInput, Corrupt, MissingExtra) as error:
        yield error.what


def _one(refusals: Sequence[Untrusted], trust: Trust) -> Untrusted | None:
    """One error for all: a line that allows every name, or the first that no line can help."""
    if not refusals:
        return None
    for refusal in refusals:
        if "trust=[" not in refusal.fix:
            return refusal
    names = sorted({name for refusal in refusals for name in refusal.names})
    try:
        refuse_unlisted(trust, names, ", ".join(str(refusal.value) for refusal in refusals))
    except Untrusted as refusal:
        return refusal
    return None
