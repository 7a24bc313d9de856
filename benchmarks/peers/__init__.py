"""The peers' environments: made on demand, one each, out of what package registries have under pinned names."""

import subprocess
import sys
from pathlib import Path

__all__ = ["PEERS", "ROOT", "python_of"]

ROOT = Path(__file__).resolve().parents[2]
_LISTS = ROOT / "benchmarks/peers"
_ENVIRONMENTS = ROOT / ".venv-bench"
_CONSTRAINTS = ROOT / "constraints.txt"
PEERS = tuple(sorted(path.stem for path in _LISTS.glob("*.txt")))


def python_of(environment: str) -> Path:
    """The interpreter of an environment: of "ours" the running one, of a peer its own, set up first if need be."""
    if environment == "ours":
        return Path(sys.executable)
    folder, wanted = _ENVIRONMENTS / environment, _LISTS / f"{environment}.txt"
    python, ready = folder / "bin/python", folder / ".ready"
    state = "\n".join([wanted.read_text(encoding="utf-8"), *_shared()])
    if not ready.exists() or ready.read_text(encoding="utf-8") != state:
        print(f"Installing {environment} into {folder.relative_to(ROOT)}; this takes a minute or two …", flush=True)
        _install(folder, ["-c", str(_CONSTRAINTS), "-r", str(wanted)])
        ready.write_text(state, encoding="utf-8")
    return python


def _shared() -> list[str]:
    """The releases that everybody has, as we do: it is not they who are compared."""
    names = ("boto3=", "joblib=", "numpy=", "scikit-learn=")
    return [line for line in _CONSTRAINTS.read_text(encoding="utf-8").splitlines() if line.startswith(names)]


def _install(folder: Path, what: list[str]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    uv, python = Path(sys.executable).parent / "uv", folder / "bin/python"
    tool = [uv, "pip", "install", "--quiet", "--python", python] if uv.exists() else _pip(python)
    subprocess.run([*tool, *what], check=True, cwd=ROOT)


def _pip(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
