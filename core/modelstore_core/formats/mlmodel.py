"""The files around a model that make its folder an MLflow model, written without MLflow and the same every time.

MLflow stamps each save with a random id and the time. Here the id comes from the other files' bytes and the time is
fixed, so that equal models are equal folders; when and by whom a version was made is in its record.
"""

import hashlib
import json
import platform
import re
import zlib
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from modelstore_core.errors import Corrupt
from modelstore_core.formats.environment import installed_version
from modelstore_core.formats.yaml_text import parse_yaml

__all__ = ["CONDA_ENV", "MLMODEL", "PYTHON_ENV", "REQUIREMENTS", "python_function", "read_flavor", "write_mlmodel"]

MLMODEL: Final = "MLmodel"
REQUIREMENTS: Final = "requirements.txt"
PYTHON_ENV: Final = "python_env.yaml"
CONDA_ENV: Final = "conda.yaml"

# The release of MLflow whose layout this is, not the one that may be installed.
_LAYOUT: Final = "3.17.2"
# For environments that save without MLflow: the releases whose loaders read this layout.
_UNPINNED: Final = {"mlflow-skinny": "mlflow-skinny>=3.1,<4"}
_TIME: Final = "1970-01-01 00:00:00.000000"
_EXACT_UP_TO: Final = 16 << 20
_CHUNK: Final = 1 << 20
# What YAML 1.1 forbids raw, or takes for a line break, though JSON allows it.
_NOT_IN_YAML: Final = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

Flavors = Mapping[str, Mapping[str, object]]


def python_function(loader_module: str, **conf: str) -> dict[str, dict[str, object]]:
    """The flavor by which `mlflow.pyfunc` loads a folder through one of MLflow's own loaders."""
    return {
        "python_function": {
            "env": {"conda": CONDA_ENV, "virtualenv": PYTHON_ENV},
            "loader_module": loader_module,
            "python_version": platform.python_version(),
            **conf,
        }
    }


def _pyfunc_requirements(pins: Sequence[str]) -> tuple[str, ...]:
    """What an environment needs to load the folder with `mlflow.pyfunc`: the model's pins, and MLflow's light half.

    `mlflow-skinny` itself does without numpy and pandas; its `pyfunc` module does not.
    """
    named = {pin.partition("==")[0] for pin in pins}
    needed = ("mlflow-skinny", "numpy", "pandas")
    return tuple(sorted([*pins, *(_pin(name) for name in needed if name not in named)]))


def _pin(distribution: str) -> str:
    version = installed_version(distribution)
    return f"{distribution}=={version}" if version else _UNPINNED.get(distribution, distribution)


def write_mlmodel(
    folder: Path,
    flavors: Flavors,
    *,
    requirements: Sequence[str],
    signature: Mapping[str, object] | None = None,
    example: Mapping[str, object] | None = None,
) -> None:
    """Complete a folder of model files to an MLflow model; to be called last, since the id covers all other files.

    Args:
        folder: Where the model's own files, and those of the input example, lie already.
        flavors: What MLflow needs to know to load them.
        requirements: Pins of what loading needs.
        signature: MLflow's signature section.
        example: MLflow's description of the input example's files.
    """
    if "python_function" in flavors:
        _write_environment(folder, _pyfunc_requirements(requirements))
    document: dict[str, object] = {"flavors": flavors, "mlflow_version": _LAYOUT, "model_uuid": _uuid(folder)}
    if example is not None:
        document["saved_input_example_info"] = example
    if signature is not None:
        document |= {"is_signature_from_type_hint": False, "signature": signature, "type_hint_from_example": False}
    document["utc_time_created"] = _TIME
    (folder / MLMODEL).write_text(_block(document, ""), encoding="utf-8")


def read_flavor(folder: Path, flavor: str) -> dict[str, object]:
    """One flavor's entries: of an MLmodel that `write_mlmodel` wrote without a YAML parser, of any other with one.

    Raises:
        Corrupt: The file is missing, or has no such section.
        MissingExtra: It is not of ours, and no YAML parser is installed.
    """
    try:
        text = (folder / MLMODEL).read_text(encoding="utf-8")
        flat = _flat_section(text, flavor)
        return _any_section(text, flavor) if flat is None else flat
    except (OSError, ValueError, LookupError) as error:  # InvalidInput, of what is no YAML, is a ValueError
        raise Corrupt(f"{MLMODEL!r} has no readable {flavor!r} section: {error}.", value=flavor) from error


def _flat_section(text: str, flavor: str) -> dict[str, object] | None:
    """The section, if its values are JSON, as we write them."""
    lines = text.splitlines()
    try:
        start = lines.index(f"  {flavor}:") + 1
        entries = takewhile(lambda line: line.startswith("    "), lines[start:])
        return {key.strip(): json.loads(value) for key, _, value in (line.partition(": ") for line in entries)}
    except ValueError:
        return None


def _any_section(text: str, flavor: str) -> dict[str, object]:
    document = parse_yaml(text, MLMODEL)
    flavors = document.get("flavors") if isinstance(document, Mapping) else None
    section = flavors.get(flavor) if isinstance(flavors, Mapping) else None
    if not isinstance(section, Mapping):
        raise LookupError("there is none")  # noqa: TRY004 -- of a file, not of an argument
    return {str(key): value for key, value in section.items()}


def _write_environment(folder: Path, requirements: Sequence[str]) -> None:
    (folder / REQUIREMENTS).write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
    python = platform.python_version()
    (folder / PYTHON_ENV).write_text(
        f'python: "{python}"\nbuild_dependencies:\n- "pip"\ndependencies:\n- "-r {REQUIREMENTS}"\n', encoding="utf-8"
    )
    (folder / CONDA_ENV).write_text(
        'channels:\n- "conda-forge"\ndependencies:\n'
        f'- "python={python}"\n- "pip"\n- "pip":\n  - "-r {REQUIREMENTS}"\nname: "mlflow-env"\n',
        encoding="utf-8",
    )


def _block(value: Mapping[str, object], indent: str) -> str:
    """A mapping as YAML: keys sorted, scalars as JSON, which every YAML reader takes."""
    lines = []
    for key in sorted(value):
        part = value[key]
        if isinstance(part, Mapping) and part:
            lines.append(f"{indent}{key}:\n{_block(part, indent + '  ')}")
        else:
            lines.append(f"{indent}{key}: {_scalar(part)}\n")
    return "".join(lines)


def _scalar(value: object) -> str:
    # Not `ensure_ascii`: YAML reads JSON's escapes, but takes its surrogate pairs for two characters.
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _uuid(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(_fingerprint(path))
    return digest.hexdigest()[:32]


def _fingerprint(path: Path) -> bytes:
    """Of large files a checksum: their sha256 is taken when they are sent, and twice would cost as much as the save."""
    total, exact = 0, hashlib.sha256()
    large = path.stat().st_size > _EXACT_UP_TO
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if large:
                total = zlib.crc32(chunk, total)
            else:
                exact.update(chunk)
    return total.to_bytes(4, "big") if large else exact.digest()
