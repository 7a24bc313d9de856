"""Sources as other tools lay them out: modelstore's tree rebuilt from its layout, MLflow's made by MLflow itself."""

import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import joblib
from sklearn.linear_model import LogisticRegression

__all__ = ["MLFLOW", "SKLEARN", "Tree", "archive", "dumped", "run_python"]

SKLEARN = {"library": "sklearn", "type": "LogisticRegression"}


def dumped(strength: float) -> bytes:
    """What joblib makes of a small fitted model."""
    made = io.BytesIO()
    joblib.dump(LogisticRegression(C=strength).fit([[0.0], [1.0]], [0, 1]), made)
    return made.getvalue()


def archive(files: Mapping[str, bytes]) -> bytes:
    """A `.tar.gz` of these files, the same bytes each time."""
    made = io.BytesIO()
    with gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name, body in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))
    return made.getvalue()


class Tree:
    """An `operatorai-model-store/` that grows as the library would write it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "operatorai-model-store"

    def upload(
        self,
        domain: str,
        version: str,
        files: Mapping[str, bytes] | None = None,
        *,
        day: int = 1,
        kind: Mapping[str, str] = SKLEARN,
        **more: object,
    ) -> "Tree":
        """A version with its archive and record; `more` goes to the record."""
        info = json.dumps(kind).encode()
        body = archive({"model-info.json": info, **({"model.joblib": dumped(day)} if files is None else files)})
        key = f"{domain}/2026.01.{day:02}-00.00.00/{version}/artifacts.tar.gz"
        self._write(key, body)
        record = {
            "model": {"domain": domain, "model_id": version, "model_type": kind, "parameters": {"C": day}},
            "storage": {"type": "file_system", "root": "/gone", "path": f"/gone/operatorai-model-store/{key}"},
            "modelstore": "0.0.82",
            "code": {
                "runtime": "python:3.11.7",
                "user": "alice",
                "created": f"2026/01/{day:02}/00:00:00",
                "dependencies": {"sklearn": "1.9.1"},
            },
            **more,
        }
        for place in (f"domains/{domain}.json", f"{domain}/versions/{version}.json"):
            self._write(place, json.dumps(record).encode())
        return self

    def state(self, domain: str, version: str, name: str) -> "Tree":
        """Put a version in a state."""
        self._write(f"model_states/{name}.json", json.dumps({"created": "", "state_name": name}).encode())
        self._write(f"{domain}/versions/{name}/{version}.json", self._record(domain, version).read_bytes())
        return self

    def delete(self, domain: str, version: str) -> "Tree":
        """Delete a version as the library does: the archive goes, a tombstone stays."""
        record = self._record(domain, version)
        self._write(f"{domain}/versions/modelstore-deleted/{version}.json", record.read_bytes())
        record.unlink()
        next(self.home.glob(f"{domain}/2026*/{version}/artifacts.tar.gz")).unlink()
        return self

    def _record(self, domain: str, version: str) -> Path:
        return self.home / domain / "versions" / f"{version}.json"

    def _write(self, key: str, body: bytes) -> None:
        path = self.home / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


MLFLOW = """
import os, sys, warnings
warnings.simplefilter("ignore")
import mlflow
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

uri, new = sys.argv[1], int(mlflow.__version__.partition(".")[0]) >= 3
mlflow.set_tracking_uri(uri)
mlflow.set_registry_uri(uri)
mlflow.set_experiment("churn")
client = MlflowClient()
options = dict(serialization_format="cloudpickle", pip_requirements=["mlflow-skinny"])
options["registered_model_name"] = "risk.churn"
for strength in (1, 2, 3):
    with mlflow.start_run():
        mlflow.log_param("C", strength)
        mlflow.log_metric("auc", 0.5, step=0)
        mlflow.set_tag("team", "risk")
        model = LogisticRegression(C=strength).fit([[0.0], [1.0]], [0, 1])
        mlflow.sklearn.log_model(model, **options, **({"name": "model"} if new else {"artifact_path": "model"}))
        mlflow.log_metric("loss", float("nan"))
        mlflow.log_metric("gini", strength / 10, step=2)
        mlflow.log_metric("gini", 0.0, step=1)
client.set_registered_model_alias("risk.churn", "champion", "2")
client.set_model_version_tag("risk.churn", "2", "ok", "yes")
client.update_model_version("risk.churn", "2", description="second")
client.update_registered_model("risk.churn", description="who leaves")
client.set_registered_model_tag("risk.churn", "owner", "ada")
client.transition_model_version_stage("risk.churn", "1", "Production")
client.create_registered_model("copied one")
client.create_model_version("copied one", "models:/risk.churn/2")
client.register_prompt(name="a-prompt", template="Hello") if new else None
"""
"""What makes a registry by MLflow's own means; takes the URI of the store."""


def run_python(python: str, code: str, *arguments: str, cwd: Path) -> None:
    """Run it in a process of its own, so that nothing of it stays in this one."""
    environment = {
        **os.environ,
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [python or sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
