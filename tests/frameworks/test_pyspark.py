import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import mlflow.spark
import pandas as pd
import pytest
from pyspark.ml import Pipeline
from pyspark.ml.classification import LogisticRegression
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.sql import SparkSession
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told, untrusted

from modelstore_core.errors import Corrupt
from modelstore_core.formats import Trust, parse_trust, read

pytestmark = pytest.mark.timeout(900)  # each fresh process starts a Java of its own
ROWS = [(0.0, 1.0, 0), (1.0, 0.0, 1), (2.0, 1.0, 1), (0.5, 3.0, 0)]
CODE = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
rows = spark.createDataFrame([(0.0, 1.0), (1.0, 0.0), (2.0, 1.0)], ["a", "b"])
print(json.dumps([row["probability"].tolist() for row in model.transform(rows).collect()]))
"""


@pytest.fixture(scope="module", autouse=True)
def spark() -> Iterator[Any]:
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def model(spark: Any) -> Any:
    rows = spark.createDataFrame(ROWS, ["a", "b", "label"])
    stages = [VectorAssembler(inputCols=["a", "b"], outputCol="features"), LogisticRegression(maxIter=3)]
    return Pipeline(stages=stages).fit(rows)


@pytest.fixture
def stored(model: Any, tmp_path: Path) -> Stored:
    return store(model, tmp_path / "model")


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="spark", loads=stored.written.loads, trust=trust)


def test_a_fresh_process_answers_the_same(model: Any, spark: Any, stored: Stored) -> None:
    rows = spark.createDataFrame([row[:2] for row in ROWS[:3]], ["a", "b"])
    expected = [row["probability"].tolist() for row in model.transform(rows).collect()]

    found = answer_elsewhere(stored, CODE, trust="safe")
    assert [pytest.approx(row) for row in expected] == found
    assert flavors(stored)["spark"]["model_class"] == "pyspark.ml.pipeline.PipelineModel"


@pytest.mark.filterwarnings("ignore:Arrow optimization failed:RuntimeWarning")  # goes on without
def test_mlflow_answers_the_same_in_a_session_that_runs(model: Any, stored: Stored) -> None:
    loaded = mlflow.pyfunc.load_model(str(stored.folder))

    assert list(loaded.predict(pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 1.0]}))) == [0.0, 1.0]
    assert type(mlflow.spark.load_model(str(stored.folder))) is type(model)


def test_mlflow_answers_the_same_in_a_script_that_starts_its_own_session(stored: Stored) -> None:
    # PySpark takes `python -c` for its doctests and ends it, if what Spark Connect needs is not installed
    script = """
sys.modules["__main__"].__file__ = "script.py"
import pandas as pd
print(json.dumps([float(one) for one in model.predict(pd.DataFrame({"a": [0.0, 2.0], "b": [1.0, 1.0]}))]))
"""
    assert answer_elsewhere(stored, script, pyfunc=True) == [0.0, 1.0]


def test_a_stage_alone_comes_back_as_its_class(model: Any, tmp_path: Path) -> None:
    stored = store(model.stages[1], tmp_path / "stage")

    assert type(load(stored)(parse_trust("safe"))) is type(model.stages[1])


@pytest.mark.parametrize("name", ["evil.Model", "org.apache.spark.ml.util.Evil", "os.system", "pyspark.ml.Evil"])
def test_a_class_of_others_is_refused(name: str, stored: Stored) -> None:
    (metadata, *_) = sorted((stored.folder / "sparkml" / "metadata").iterdir())
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "class": name}))

    for level in ("safe", "listed"):
        untrusted(load(stored), level, seen_in=stored)


def test_sql_needs_full_trust(spark: Any, tmp_path: Path) -> None:
    rows = spark.createDataFrame(ROWS, ["a", "b", "label"])
    fitted = Pipeline(stages=[SQLTransformer(statement="SELECT *, a + b AS c FROM __THIS__")]).fit(rows)
    stored = store(fitted, tmp_path / "model")

    untrusted(load(stored), seen_in=stored)
    assert load(stored)(parse_trust("full"))


@pytest.mark.parametrize("text", ["", "{}", "[]"])
def test_broken_metadata_is_corrupt(text: str, stored: Stored) -> None:
    (metadata, *_) = sorted((stored.folder / "sparkml" / "metadata").iterdir())
    metadata.write_text(text)

    with pytest.raises(Corrupt, match="names no class"):
        load(stored)(parse_trust("listed"))


def test_its_record_tells_what_it_is(stored: Stored) -> None:
    assert told(stored, "pyspark")["1_LogisticRegressionModel.maxIter"] == 3


def test_the_same_model_is_written_under_other_names(model: Any, tmp_path: Path) -> None:
    files = differing(lambda: model, tmp_path)

    assert {name for name in files if name != "MLmodel" and not name.startswith("sparkml/")} == set()
    assert any("/part-" in name for name in files)
