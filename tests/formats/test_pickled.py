from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pytest
from tests.formats.fresh import run
from tests.formats.plain import Doubler
from tests.formats.samples import FRAME

from modelstore_core.errors import InvalidInput, Untrusted
from modelstore_core.formats import parse_trust, read, write
from modelstore_core.formats.trust import FULL, LISTED

WITHOUT_PREDICT: list[object] = [{"a": [1, 2]}, [1.5, None], "text", 3, None, np.arange(3), FRAME.to_numpy()]


@pytest.mark.parametrize("value", WITHOUT_PREDICT, ids=lambda value: str(value)[:9])
def test_any_object_comes_back(value: object, tmp_path: Path) -> None:
    written = write(value, tmp_path, format="pickle")

    assert written.format == "pickle"
    assert [path.name for path in tmp_path.iterdir()] == ["model.pkl"]
    loaded = read(tmp_path, format="pickle", loads=written.loads, trust=LISTED)
    assert type(loaded) is type(value)
    np.testing.assert_array_equal(np.asarray(loaded), np.asarray(value))


def test_what_predicts_is_an_mlflow_model_without_us(tmp_path: Path) -> None:
    write(Doubler(3.0), tmp_path)
    code = """
import sys, warnings
warnings.simplefilter("ignore")
import mlflow.pyfunc
print(mlflow.pyfunc.load_model(sys.argv[1]).predict([[2.0, 0.0]]).tolist())
assert not {"modelstore_core", "sklearn"} & set(sys.modules)
"""
    assert run(code, str(tmp_path)).strip() == "[6.0]"


def test_what_the_main_script_defines_is_an_mlflow_model_too(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from modelstore_core.formats import write
class Model:
    def predict(self, rows): return [row[0] * 2 for row in rows]
written = write(Model(), Path(sys.argv[1]))
print(written.model_type, written.environment["requirements"])
"""
    printed = run(code, str(tmp_path))

    assert printed.startswith("__main__.Model ['cloudpickle==")
    assert mlflow.pyfunc.load_model(str(tmp_path)).predict([[2.0]]) == [4.0]
    with pytest.raises(Untrusted, match="by value"):
        read(tmp_path, format="pickle", loads=("model.pkl",), trust=LISTED)
    model: Any = read(tmp_path, format="pickle", loads=("model.pkl",), trust=FULL)
    assert model.predict([[2.0]]) == [4.0]


def test_an_example_needs_something_that_predicts(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"builtins\.dict stored as 'pickle' has no use for an input example"):
        write({"a": 1}, tmp_path, input_example=FRAME)


def test_names_are_recorded(tmp_path: Path) -> None:
    written = write(Doubler(), tmp_path)

    assert written.globals == ("tests.formats.plain.Doubler",)
    assert read(tmp_path, format="pickle", loads=written.loads, trust=parse_trust(written.globals)) == Doubler()
