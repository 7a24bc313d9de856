import subprocess
import sys

from dagster_shared.libraries import DagsterLibraryRegistry

import dagster_modelstore
import modelstore_core


def test_the_front_door_is_what_it_says() -> None:
    assert dagster_modelstore.__all__ == [
        "CollectConfig",
        "GateConfig",
        "ModelStoreIOManager",
        "ModelStoreResource",
        "PromoteConfig",
        "RollbackConfig",
        "__version__",
        "alias_asset",
        "asset_path",
        "build_collect_job",
        "build_modelstore_sensor",
        "build_promote_job",
        "build_promotion_asset",
        "build_retrain_job",
        "build_rollback_job",
        "model_asset",
        "model_gate",
        "model_metadata",
        "model_name",
        "observable_alias_asset",
        "partition_alias",
        "save_from_pipes",
    ]
    assert all(hasattr(dagster_modelstore, name) for name in dagster_modelstore.__all__)
    assert dir(dagster_modelstore) == sorted(dagster_modelstore.__all__)
    assert not hasattr(dagster_modelstore, "build_nothing")


def test_dagster_knows_the_library() -> None:
    assert DagsterLibraryRegistry.get()["dagster-modelstore"] == modelstore_core.__version__


def test_importing_it_loads_nothing_that_dagster_has_not_loaded() -> None:
    code = """
import sys, dagster
before = set(sys.modules)
import dagster_modelstore
for name in dagster_modelstore.__all__:
    getattr(dagster_modelstore, name)
print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
    )

    assert done.stdout.split() == ["dagster_modelstore", "modelstore_core"]
