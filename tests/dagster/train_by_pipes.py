"""A training process that has Dagster's Pipes, and cannot import anything else of Dagster."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder


class Without(MetaPathFinder):
    """What is not installed where models are trained."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> None:
        if name.partition(".")[0] in {"dagster", "dagster_shared", "pydantic"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Without())

from dagster_pipes import open_dagster_pipes  # noqa: E402

from dagster_modelstore import save_from_pipes  # noqa: E402
from modelstore_core import ModelStore  # noqa: E402

with open_dagster_pipes() as pipes:
    store = ModelStore(os.environ["TEST_MODELS"])
    weights = pipes.extras.get("weights", f"weights of attempt {pipes.retry_number}")
    name = pipes.extras.get("name")
    version = save_from_pipes(pipes, store, weights, name, metrics={"auc": 0.9}, tags={"by": "pipes"})
    if check := pipes.extras.get("check"):
        pipes.report_asset_check(check, passed=True)
        store.annotate(version.ref, checks={check: True})
    if pipes.extras.get("dies") and pipes.retry_number == 0:
        sys.exit("after the save")
