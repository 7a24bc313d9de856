"""The guide's example on a Dask cluster with a store in a bucket, whose credentials are in a block."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.context import get_settings_context
from tests.prefect.test_guide import examples

from modelstore_core import ModelStore
from modelstore_core.testing.s3_server import S3Server
from prefect_modelstore import ModelStoreBlock, ModelStoreCredentials


@pytest.mark.usefixtures("prefect_server")
def test_the_guides_sweep_runs_on_a_cluster(tmp_path: Path) -> None:
    [example] = examples(r"needs a Prefect server and Dask; tests/prefect/runners runs it")
    (tmp_path / "sweep.py").write_text(example)
    credentials = ModelStoreCredentials(aws_access_key_id="mine", aws_secret_access_key="secret")  # type: ignore[arg-type]
    credentials.save("our-bucket", overwrite=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= get_settings_context().settings.to_environment_variables(exclude_unset=True)
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path)}

    with S3Server(["bucket"], access_key_id="mine") as server:
        block = ModelStoreBlock(url="s3://bucket/models", endpoint=server.endpoint, credentials=credentials)
        block.save("prod", overwrite=True)
        subprocess.run([sys.executable, "sweep.py"], cwd=tmp_path, env=environment, check=True, timeout=240)
        store: ModelStore = block.get_store()

        assert len(store.versions("risk.churn")) == 16
        assert store.load("risk.churn@champion") == {"c": 5 / 16}
