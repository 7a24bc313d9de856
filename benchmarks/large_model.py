"""Save and load a large scikit-learn model: CPU and peak memory against joblib and sha256, in one run.

Run: python benchmarks/large_model.py [MiB]

Each step runs in a process of its own; CPU is user + system of that process beyond making the model, peak memory is
its largest resident set beyond the model (save) or beyond the imports (load), both in units of the model's size.
"""

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

STEPS = ("joblib.dump + sha256", "save", "sha256 + joblib.load", "load")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _model(mib: int) -> object:
    import numpy as np
    from sklearn.neighbors import NearestNeighbors

    model = NearestNeighbors()
    model.weights_ = np.random.default_rng(0).random(mib * 2**20 // 8)
    return model


def _sha256(path: Path) -> None:
    from modelstore_core.model.digest import hash_file

    hash_file(path)


def _step(step: str, folder: Path, mib: int) -> dict[str, float]:
    import joblib
    import sklearn.neighbors  # noqa: F401 -- both sides pay for it before the clock starts

    from modelstore_core import ModelStore

    store = ModelStore(folder / "store")
    dumped = folder / "model.joblib"
    model = _model(mib) if step in ("joblib.dump + sha256", "save") else None
    store.save({"warm": 1}, "warm", format="pickle")
    store.load("warm")
    cpu, peak = _cpu(), _peak()
    match step:
        case "joblib.dump + sha256":
            joblib.dump(model, dumped)
            _sha256(dumped)
        case "save":
            store.save(model, "large")
        case "sha256 + joblib.load":
            _sha256(dumped)
            joblib.load(dumped)
        case _:
            store.load("large")
    return {"cpu": _cpu() - cpu, "peak": (_peak() - peak) / (mib * 2**20)}


def main() -> None:
    mib = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 512
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for step in STEPS:
            run = [sys.executable, __file__, "--step", step, folder, str(mib)]
            found[step] = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    print(f"{mib} MiB\n{'step':<24}{'CPU s':>8}{'peak beyond, x model':>24}")
    for step, row in found.items():
        print(f"{step:<24}{row['cpu']:>8.2f}{row['peak']:>24.2f}")
    for ours, theirs in (("save", STEPS[0]), ("load", STEPS[2])):
        print(f"{ours}: {found[ours]['cpu'] / found[theirs]['cpu']:.2f} x the CPU of {theirs} (budget 1.5)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(_step(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        main()
