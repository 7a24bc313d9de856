import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import h5py
import keras
import mlflow.keras
import numpy as np
import pytest
import tensorflow as tf
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told, untrusted

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats import Trust, parse_trust, read, read_pyfunc
from modelstore_core.formats.keras import KerasFormat
from modelstore_core.testing.format_contract import FormatContract

ROWS = np.arange(6, dtype="float32").reshape(2, 3)
ANSWER = (
    "import numpy as np; print(json.dumps(np.asarray(model.predict(np.arange(6, dtype='f').reshape(2, 3))).tolist()))"
)


def network() -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4, activation="relu", name="body"), keras.layers.Dense(1, name="head")]
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((4, 3)), np.ones(4), verbose=0)
    return model


def graph() -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    rows = keras.Input((3,), name="rows")
    body = keras.layers.BatchNormalization()(keras.layers.Dense(3, kernel_regularizer="l2")(rows))
    return keras.Model(rows, keras.layers.Add()([rows, body])[:, :2])


class TestSequential(FormatContract):
    format = KerasFormat()
    example: ClassVar[object] = ROWS

    def model(self, scratch: Path) -> object:
        return network()

    def equal(self, left: Any, right: Any) -> bool:
        return np.array_equal(left.predict(ROWS, verbose=0), right.predict(ROWS, verbose=0))


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format="keras", loads=stored.written.loads, trust=trust)


@pytest.mark.parametrize("make", [network, graph])
def test_a_fresh_process_answers_the_same(make: Callable[[], Any], tmp_path: Path) -> None:
    model = make()
    stored = store(model, tmp_path / "model")
    expected = model.predict(ROWS, verbose=0).tolist()

    assert answer_elsewhere(stored, ANSWER, trust="safe") == expected
    assert answer_elsewhere(stored, ANSWER, pyfunc=True) == expected
    assert flavors(stored)["keras"]["keras_version"] == keras.__version__


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (store(network(), tmp_path / name).folder / "data/model.keras" for name in "ab")

    assert first.read_bytes() == second.read_bytes()


def test_what_mlflow_wrote_itself_loads(tmp_path: Path) -> None:
    model = network()
    mlflow.keras.save_model(model, str(tmp_path / "m"), pip_requirements=["x"])

    loaded: Any = read_pyfunc(tmp_path / "m", trust=parse_trust("safe"))

    np.testing.assert_array_equal(loaded.predict(ROWS), model.predict(ROWS, verbose=0))


@keras.saving.register_keras_serializable("tests")
class Scaled(keras.layers.Layer):  # type: ignore[misc] # published without types
    def call(self, rows: Any) -> Any:
        return rows * 2


def test_a_layer_of_ones_own_must_be_listed(tmp_path: Path) -> None:
    stored = store(keras.Sequential([keras.Input((3,)), Scaled()]), tmp_path / "model")
    name = f"{Scaled.__module__}.Scaled"

    assert untrusted(load(stored), seen_in=stored).names == (name,)
    assert untrusted(load(stored), "safe", seen_in=stored).names == (name,)
    assert untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust)).names == (name,)
    model: Any = load(stored)(parse_trust([name]))
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), ROWS * 2)


def test_a_lambda_needs_full_trust(tmp_path: Path) -> None:
    stored = store(keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda rows: rows * 3)]), tmp_path / "m")

    for level in ("safe", "listed"):
        assert "lambda" in untrusted(load(stored), level, seen_in=stored).what
        assert "lambda" in untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), level).what
    model: Any = load(stored)(parse_trust("full"))
    np.testing.assert_array_equal(model.predict(ROWS, verbose=0), ROWS * 3)


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)


def one(module: str | None, name: str, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config or {}, "registered_name": None, **more}


HOSTILE = {
    "a function of the system": one("os", "function", "system"),
    "a class of another package": one("subprocess", "Popen", {"args": ["true"]}),
    "a file to fetch": one("keras.utils", "function", "get_file"),
    "a model to load": one("keras.saving", "function", "load_model"),
    "a switch": one("keras.config", "function", "enable_unsafe_deserialization"),
    "a lambda layer": one("keras.layers", "Lambda", {"function": "os.system"}),
    "a pickled module": one("keras.layers", "TorchModuleWrapper", {"module": "x"}),
    "a saved model": one("keras.layers", "TFSMLayer", {"filepath": "/tmp/x"}),
    "code": one("builtins", "__lambda__", {"value": "x"}),
    "a builtin": one("builtins", "function", "eval"),
    "a class without a module": {"class_name": "Lambda", "config": {}},
    "a private class": one("keras.src.layers.core.lambda_layer", "Lambda"),
    "a specification": one("os", "__typespec__", ["x"], spec_name="system"),
    "a vocabulary in a file": one("keras.layers", "StringLookup", {"vocabulary": "/etc/hostname"}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_configuration_that_reaches_for_more_is_refused(what: str, tmp_path: Path) -> None:
    stored = store(network(), tmp_path / "model")
    path = stored.folder / "data" / "model.keras"
    changed(path, lambda config: config["config"]["layers"].append(HOSTILE[what]))

    for level in ("safe", "listed"):
        untrusted(load(stored), level, seen_in=stored)
        untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), level)


def linked(file: Any) -> None:
    file["far"] = h5py.ExternalLink("/etc/hostname", "x")


def soft(file: Any) -> None:
    file["near"] = h5py.SoftLink("/layers")


def outside(file: Any) -> None:
    file.create_dataset("far", shape=(4,), dtype="u1", external=[("/etc/hostname", 0, 4)])


@pytest.mark.parametrize("put", [linked, soft, outside])
def test_weights_that_lie_elsewhere_are_refused(put: Callable[[Any], None], tmp_path: Path) -> None:
    stored = store(network(), tmp_path / "model")
    path = stored.folder / "data" / "model.keras"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    body = io.BytesIO(members["model.weights.h5"])
    with h5py.File(body, "r+") as file:
        put(file)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, "model.weights.h5": body.getvalue()}.items():
            archive.writestr(name, data)

    untrusted(load(stored), seen_in=stored)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"])
def test_a_broken_file_is_corrupt(data: bytes, tmp_path: Path) -> None:
    stored = store(network(), tmp_path / "model")
    (stored.folder / "data" / "model.keras").write_bytes(data)

    with pytest.raises(Corrupt, match="Keras"):
        load(stored)(parse_trust("listed"))


def test_a_model_that_is_not_built_cannot_be_saved(tmp_path: Path) -> None:
    class Unbuilt(keras.Model):  # type: ignore[misc]
        def __init__(self, size: int) -> None:
            super().__init__()

    with pytest.raises(NotSerializable, match="get_config"):
        store(Unbuilt(3), tmp_path / "m").folder.joinpath("x").touch()


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(network(), tmp_path / "model"), "keras")

    assert said["parameters"] == network().count_params()
    assert said["layers.Dense"] >= 1


def test_layers_without_names_are_numbered_as_the_process_made_them(tmp_path: Path) -> None:
    def unnamed() -> Any:
        keras.utils.set_random_seed(0)
        return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])

    assert "data/model.keras" in differing(unnamed, tmp_path)


class Doubling(tf.Module):  # type: ignore[misc]
    """TensorFlow without Keras: what it computes is a program that travels with its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable([1.0, 2.0, 3.0])

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])  # type: ignore[untyped-decorator]
    def __call__(self, rows: Any) -> Any:
        return 2.0 * tf.linalg.matvec(rows, self.weights)


def test_a_module_of_tensorflow_is_kept_by_mlflows_flavor(tmp_path: Path) -> None:
    stored = store(Doubling(), tmp_path / "model")

    answer = "print(json.dumps(__import__('numpy').asarray(model.predict(ROWS)).tolist()))"
    rows = f"import numpy as np; ROWS = np.array({ROWS.tolist()}, dtype='f');"
    loaded: Any = read(stored.folder, format="mlflow:tensorflow", loads=stored.written.loads, trust=parse_trust("full"))

    expected = Doubling()(ROWS).numpy().tolist()
    assert stored.written.format == "mlflow:tensorflow"
    assert loaded(ROWS).numpy().tolist() == expected
    assert answer_elsewhere(stored, rows + answer, pyfunc=True) == expected
    untrusted(lambda trust: read(stored.folder, format="mlflow:tensorflow", loads=stored.written.loads, trust=trust))
    assert "tf2model/saved_model.pb" in differing(Doubling, tmp_path)
