import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import mlflow.pyfunc
import mlflow.pytorch
import numpy as np
import pandas as pd
import pytest
import torch
from tests.formats.hostile import calls, tricks
from tests.frameworks.networks import Blend, blend
from tests.frameworks.support import Stored, answer_elsewhere, differing, flavors, store, told, untrusted

from modelstore_core.errors import Corrupt, MissingExtra, Untrusted
from modelstore_core.formats import Trust, parse_trust, read, read_pyfunc
from modelstore_core.formats.pytorch import PytorchFormat, StateDictFormat
from modelstore_core.testing.format_contract import FormatContract

ROWS = torch.arange(6.0).reshape(2, 3)
FRAME = pd.DataFrame(ROWS.numpy(), columns=["a", "b", "c"])
MINE = parse_trust(["tests.frameworks.networks.Blend"])
ANSWER = "import torch; print(json.dumps(model(torch.arange(6.0).reshape(2, 3)).tolist()))"


class TestModule(FormatContract):
    format = PytorchFormat()
    trust: ClassVar[Trust] = MINE
    example: ClassVar[object] = FRAME

    def model(self, scratch: Path) -> object:
        return blend()

    def equal(self, left: Any, right: Any) -> bool:
        return bool(torch.equal(left(ROWS), right(ROWS)))


class TestStateDict(FormatContract):
    format = StateDictFormat()

    def model(self, scratch: Path) -> object:
        return blend().state_dict()

    def equal(self, left: Any, right: Any) -> bool:
        assert left._metadata == right._metadata
        return list(left) == list(right) and all(torch.equal(left[key], right[key]) for key in left)


class TestCheckpoint(FormatContract):
    format = StateDictFormat()

    def model(self, scratch: Path) -> object:
        model = blend()
        optimizer = torch.optim.Adam(model.parameters())
        model(torch.ones(1, 3)).sum().backward()
        optimizer.step()
        return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3, "loss": 0.25}

    def equal(self, left: Any, right: Any) -> bool:
        return repr(left) == repr(right)


def shared() -> dict[str, torch.Tensor]:
    weights = torch.arange(6.0)
    return {"weights": weights, "a part": weights[2:]}


@pytest.mark.parametrize(
    ("model", "file"),
    [
        ({"a": torch.ones(2)}, "state_dict.safetensors"),
        ({"a": torch.ones(2, dtype=torch.bfloat16), "empty": torch.ones(0)}, "state_dict.safetensors"),
        (torch.ones(2), "state_dict.pth"),
        (shared(), "state_dict.pth"),
        ({"turned": torch.ones(2, 3).T}, "state_dict.pth"),
        ({"a": torch.ones(2), 3: "three"}, "state_dict.pth"),
        ({"sparse": torch.eye(2).to_sparse()}, "state_dict.pth"),
    ],
    ids=["tensors", "types", "one tensor", "shared", "not contiguous", "plain values", "sparse"],
)
def test_what_safetensors_can_hold_lies_in_it(model: Any, file: str, tmp_path: Path) -> None:
    stored = store(model, tmp_path / "model")

    assert (stored.written.format, stored.written.loads) == ("state_dict", (file,))
    assert repr(read(stored.folder, format="state_dict", loads=(file,), trust=parse_trust("listed"))) == repr(model)


@pytest.mark.parametrize("model", [{}, {"a": 1}, [1], {"a": Blend}, {"a": torch.ones(1), "b": object()}], ids=repr)
def test_other_dicts_are_left_to_other_formats(model: object) -> None:
    assert not StateDictFormat().accepts(model)


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    return store(blend(), tmp_path / "model")


def load(stored: Stored) -> Callable[[Trust], object]:
    return lambda trust: read(stored.folder, format=stored.written.format, loads=stored.written.loads, trust=trust)


def test_a_fresh_process_answers_the_same(stored: Stored) -> None:
    expected = blend()(ROWS).tolist()

    assert answer_elsewhere(stored, ANSWER, trust=["tests.frameworks.networks.Blend"]) == expected
    pyfunc = "import numpy as np; print(json.dumps(model.predict(np.arange(6, dtype='f').reshape(2, 3)).tolist()))"
    assert answer_elsewhere(stored, pyfunc, pyfunc=True) == expected


def test_mlflow_loads_its_own_kind_of_model(stored: Stored) -> None:
    assert torch.equal(mlflow.pytorch.load_model(str(stored.folder))(ROWS), blend()(ROWS))
    assert flavors(stored)["pytorch"]["pytorch_version"] == torch.__version__
    assert stored.written.model_type == "tests.frameworks.networks.Blend"
    assert f"torch=={torch.__version__}" in stored.written.environment["requirements"]  # type: ignore[operator]


def test_only_the_classes_of_ones_own_must_be_listed(stored: Stored) -> None:
    assert untrusted(load(stored), seen_in=stored).names == ("tests.frameworks.networks.Blend",)
    assert untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust)).names == (
        "tests.frameworks.networks.Blend",
    )


def test_a_class_of_the_main_script_travels_by_value_and_is_not_judged(tmp_path: Path) -> None:
    class Local(Blend):
        pass

    stored = store(Local(), tmp_path / "model")

    assert "by value" in untrusted(load(stored), seen_in=stored).what
    assert isinstance(load(stored)(parse_trust("full")), Blend)


def repacked(path: Path, change: Callable[[dict[str, bytes]], object], **options: Any) -> None:
    """The zip file with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, body in members.items():
            archive.writestr(name, body)


@pytest.mark.parametrize("file", ["model.pth", "state_dict.pth"])
def test_no_hostile_pickle_in_a_zip_file_is_run(file: str, tmp_path: Path) -> None:
    model = blend() if file == "model.pth" else {"a": torch.ones(2), "b": 1}
    stored = store(model, tmp_path / "model")
    path = stored.folder / stored.written.loads[0]
    honest = path.read_bytes()
    canary = tmp_path / "canary"
    bodies = dict(tricks(canary))
    for name, value in calls(canary).items():
        for protocol in (0, 2, 4):
            bodies[f"{name} {protocol}"] = _pickled(value, protocol)
    for name, body in bodies.items():
        path.write_bytes(honest)
        repacked(path, lambda members, body=body: members.update({f"{path.stem}/data.pkl": body}))  # type: ignore[misc]

        with pytest.raises((Untrusted, Corrupt)):
            load(stored)(MINE)
        if name == "BINPERSID":  # names nothing, and is none of PyTorch's ids
            continue
        if file == "model.pth":
            with pytest.raises(Untrusted):
                read_pyfunc(stored.folder, trust=MINE)
        assert not canary.exists()


def _pickled(value: object, protocol: int) -> bytes:
    import pickle

    return pickle.dumps(value, protocol)


def _doubled(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("model/data.pkl", b"N.")


SHAPES: dict[str, Callable[[Path], object]] = {
    "bytes before": lambda path: path.write_bytes(b"ab" + path.read_bytes()),
    "bytes after": lambda path: path.write_bytes(path.read_bytes() + b"ab"),
    "two pickles of one name": _doubled,
    "two pickles": lambda path: repacked(path, lambda members: members.update({"model/other.pkl": b"N."})),
    "names that differ by case": lambda path: repacked(path, lambda members: members.update({"model/DATA.pkl": b"N."})),
    "no pickle": lambda path: repacked(path, lambda members: members.pop("model/data.pkl")),
    "two folders": lambda path: repacked(path, lambda members: members.update({"other/data.pkl": b"N."})),
    "compressed": lambda path: repacked(path, lambda members: None, compression=zipfile.ZIP_DEFLATED),
    "a program": lambda path: repacked(path, lambda members: members.update({"model/constants.pkl": b"N."})),
    "a TorchScript file": lambda path: torch.jit.save(torch.jit.trace(blend(), ROWS), path),
    "a legacy file": lambda path: torch.save(blend(), path, _use_new_zipfile_serialization=False),
    "nothing": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-30]),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
@pytest.mark.parametrize("shape", SHAPES)
def test_a_zip_file_that_readers_could_understand_differently_is_refused(shape: str, stored: Stored) -> None:
    SHAPES[shape](stored.folder / "data" / "model.pth")

    for go in (load(stored), lambda trust: read_pyfunc(stored.folder, trust=trust)):
        with pytest.raises(Untrusted, match="cannot be judged"):
            go(MINE)


def test_a_broken_tensor_is_corrupt(stored: Stored) -> None:
    repacked(stored.folder / "data" / "model.pth", lambda members: members.pop("model/data/0"))

    with pytest.raises(Corrupt, match=r"model\.pth"):
        load(stored)(MINE)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff" * 16,
        (1 << 62).to_bytes(8, "little") + b"{}",
        (100_000_000).to_bytes(8, "little") + b"{",
        b"\2" + b"\0" * 7 + b"[]",
    ],
    ids=["empty", "all ones", "a header of exabytes", "a header of 100 MB", "no object"],
)
def test_a_safetensors_header_that_lies_is_corrupt_and_costs_nothing(head: bytes, tmp_path: Path) -> None:
    stored = store({"a": torch.ones(2)}, tmp_path / "model")
    (stored.folder / "state_dict.safetensors").write_bytes(head)

    with pytest.raises(Corrupt, match="safetensors"):
        load(stored)(parse_trust("safe"))


def test_a_tensor_beyond_the_end_of_the_file_is_corrupt(tmp_path: Path) -> None:
    stored = store({"a": torch.ones(2)}, tmp_path / "model")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (stored.folder / "state_dict.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)

    with pytest.raises(Corrupt, match="safetensors"):
        load(stored)(parse_trust("safe"))


def test_without_the_class_the_module_is_named(stored: Stored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tests.frameworks.networks", None)

    with pytest.raises(MissingExtra, match=r"tests\.frameworks\.networks"):
        load(stored)(MINE)


@pytest.mark.parametrize("word", ["os", "mlflow", "pickle\n", "dill"])
def test_another_pickle_module_is_refused(word: str, stored: Stored) -> None:
    (stored.folder / "data" / "pickle_module_info.txt").write_text(word)

    assert "pickle module" in untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), MINE).what


def test_a_folder_with_an_mlmodel_of_its_own_is_refused(stored: Stored) -> None:
    (stored.folder / "data" / "MLmodel").write_text("flavors: {}")

    assert "MLmodel" in untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), MINE).what


def test_a_link_to_another_folder_is_refused(stored: Stored, tmp_path: Path) -> None:
    (stored.folder / "data").rename(tmp_path / "data")
    (stored.folder / "data").symlink_to(tmp_path / "data")

    assert "no folder" in untrusted(lambda trust: read_pyfunc(stored.folder, trust=trust), MINE).what


def test_what_mlflow_wrote_itself_loads(tmp_path: Path) -> None:
    mlflow.pytorch.save_model(
        blend(),
        str(tmp_path / "m"),
        serialization_format="pickle",
        pip_requirements=["x"],
        pickle_module=__import__("pickle"),
    )

    model: Any = read_pyfunc(tmp_path / "m", trust=MINE)

    np.testing.assert_array_equal(model.predict(ROWS.numpy()), blend()(ROWS).detach().numpy())


def test_order_and_versions_of_a_state_dict_are_kept(tmp_path: Path) -> None:
    model = blend()
    stored = store(model.state_dict(), tmp_path / "model")

    loaded: Any = load(stored)(parse_trust("safe"))

    assert type(loaded) is OrderedDict
    assert blend().load_state_dict(loaded) == model.load_state_dict(model.state_dict())
    buffer = io.BytesIO()
    torch.save(loaded, buffer)


def test_its_record_tells_what_it_is(tmp_path: Path) -> None:
    said = told(store(blend(), tmp_path / "model"), "torch")
    of_weights = told(store(blend().state_dict(), tmp_path / "weights"), "torch", "safetensors")

    assert said["parameters"] == sum(one.numel() for one in blend().parameters())
    assert said["dtypes"] == ["torch.float32"]
    assert of_weights["tensors"] == len(blend().state_dict())


@pytest.mark.parametrize("make", [blend, lambda: blend().state_dict()], ids=["module", "state dict"])
def test_the_same_training_gives_the_same_bytes(make: Callable[[], object], tmp_path: Path) -> None:
    assert differing(make, tmp_path) == set()


@pytest.fixture
def on_a_gpu() -> Iterator[None]:
    """Storages are written as those of a GPU are."""
    torch.serialization.register_package(0, lambda storage: "cuda:0", lambda storage, location: None)
    yield
    del torch.serialization._package_registry[0]


@pytest.mark.usefixtures("on_a_gpu")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize("make", [blend, lambda: {"deep": {"weights": torch.ones(3)}}], ids=["module", "weights"])
def test_tensors_of_a_gpu_that_is_not_here_come_to_the_cpu(make: Callable[[], Any], tmp_path: Path) -> None:
    stored = store(make(), tmp_path / "model")
    (file,) = (stored.folder / name for name in stored.written.loads)
    assert b"cuda:0" in file.read_bytes()

    with pytest.raises(RuntimeError, match="CUDA"):
        torch.load(file, weights_only=False)
    loaded: Any = load(stored)(MINE)

    tensors = loaded.state_dict().values() if make is blend else [loaded["deep"]["weights"]]
    assert {one.device.type for one in tensors} == {"cpu"}
