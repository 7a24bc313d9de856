import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL
from tests.prefect.servers import environment

from modelstore_core import ModelStore

EXAMPLE = Path(__file__).parents[2] / "examples" / "prefect_training.py"


@pytest.mark.usefixtures("prefect_server")
def test_the_example_trains_saves_and_promotes(tmp_path: Path) -> None:
    env = environment(tmp_path / "home", str(PREFECT_API_URL.value()))

    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "breast-cancer@1 is champion now.\n"
    champion = ModelStore(tmp_path / "models").get("breast-cancer@champion")
    assert champion.metrics["auc"] > 0.9
    assert champion.signature is not None
    assert len(EXAMPLE.read_text().splitlines()) < 80
