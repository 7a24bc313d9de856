import bz2
import copyreg
import gzip
import lzma
import pickle
import sys
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.fresh import run
from tests.formats.hostile import calls, tricks
from tests.formats.plain import Doubler, Outer

from modelstore_core.errors import Corrupt, MissingExtra, NotSerializable, Untrusted
from modelstore_core.formats import pickles
from modelstore_core.formats.trust import FULL, LISTED, SAFE, Trust, parse_trust

DOUBLER = "tests.formats.plain.Doubler"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.pkl"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


def test_what_is_dumped_loads_under_the_list(path: Path) -> None:
    value = {"weights": np.arange(5.0), "names": {"a", "b"}}

    assert pickles.dump(value, path) == "pickle"

    loaded: Any = pickles.load(path, LISTED)
    assert loaded["names"] == value["names"]
    np.testing.assert_array_equal(loaded["weights"], value["weights"])


def test_a_class_of_ones_own_loads_once_it_is_on_the_list(path: Path) -> None:
    pickles.dump(Doubler(3.0), path)

    with pytest.raises(Untrusted) as refusal:
        pickles.load(path, LISTED)

    assert refusal.value.names == (DOUBLER,)
    assert f'trust=["{DOUBLER}"]' in str(refusal.value)
    assert pickles.load(path, parse_trust([DOUBLER])) == Doubler(3.0)


def test_a_nested_class_needs_its_full_name(path: Path) -> None:
    name = "tests.formats.plain.Outer.Inner"
    pickles.dump(Outer.Inner(), path)

    with pytest.raises(Untrusted):
        pickles.load(path, parse_trust(["tests.formats.plain.Outer"]))

    assert isinstance(pickles.load(path, parse_trust([name])), Outer.Inner)


def test_a_listed_name_is_not_reached_by_another_way(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x05tests\x8c\x15formats.plain.Doubler\x93)\x81.")

    with pytest.raises(Untrusted, match="through the package tests"):
        pickles.load(path, parse_trust([DOUBLER]))


def test_no_pickle_loads_under_safe(path: Path) -> None:
    pickles.dump({"a": 1}, path)

    with pytest.raises(Untrusted, match='trust="safe"'):
        pickles.load(path, SAFE)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("policy", [SAFE, LISTED, parse_trust(["mypkg.Model"])])
def test_no_call_runs_unless_all_is_trusted(policy: Trust, protocol: int, path: Path) -> None:
    canary = path.with_name("canary")
    for name, value in calls(canary).items():
        path.write_bytes(pickle.dumps(value, protocol))

        with pytest.raises(Untrusted) as refusal:
            pickles.load(path, policy)

        assert not canary.exists(), name
        assert not refusal.value.names or any(one.endswith(name) for one in refusal.value.names)


@pytest.mark.parametrize("policy", [SAFE, LISTED])
def test_no_trick_runs_unless_all_is_trusted(policy: Trust, path: Path) -> None:
    canary = path.with_name("canary")
    for trick, data in tricks(canary).items():
        path.write_bytes(data)

        with pytest.raises(Untrusted, match=r"Nothing was loaded|was loaded"):
            pickles.load(path, policy)

        assert not canary.exists(), trick


def test_full_trust_runs_what_the_file_says(path: Path) -> None:
    canary = path.with_name("canary")
    for name, value in calls(canary).items():
        path.write_bytes(pickle.dumps(value))

        pickles.load(path, FULL)

        assert canary.exists(), name
        canary.unlink()


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress])
def test_a_packed_pickle_is_refused(pack: Any, path: Path) -> None:
    path.write_bytes(pack(pickle.dumps({"a": 1})))

    with pytest.raises(Untrusted, match="unknown container"):
        pickles.load(path, LISTED)


def test_a_zip_and_an_array_file_are_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps({"a": 1}))
    with pytest.raises(Untrusted, match=r"unknown container \(zip\)"):
        pickles.load(path, LISTED)

    with path.open("wb") as file:
        np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Untrusted, match=r"unknown container \(npy\)"):
        pickles.load(path, LISTED)


def test_the_project_list_is_honoured(path: Path) -> None:
    pickles.dump(Doubler(3.0), path)
    Path("pyproject.toml").write_text(f'[tool.modelstore]\ntrust = ["{DOUBLER}"]\n')

    assert pickles.load(path, LISTED) == Doubler(3.0)


def test_a_lambda_is_carried_by_value(path: Path) -> None:
    assert pickles.dump({"predict": lambda value: value * 2}, path) == "cloudpickle"

    with pytest.raises(Untrusted, match=r'carries Python code by value.*trust="full"') as refusal:
        pickles.load(path, LISTED)
    assert "cloudpickle.cloudpickle._make_function" in refusal.value.names
    loaded: Any = pickles.load(path, FULL)
    assert loaded["predict"](21) == 42


def test_a_class_of_the_main_script_is_carried_by_value(path: Path) -> None:
    code = """
import sys
from pathlib import Path
from modelstore_core.formats import pickles
class Model:
    def predict(self, rows): return [row * 2 for row in rows]
print(pickles.dump(Model(), Path(sys.argv[1])))
"""
    assert run(code, str(path)).strip() == "cloudpickle"

    loaded: Any = pickles.load(path, FULL)
    assert loaded.predict([1, 2]) == [2, 4]


def test_without_cloudpickle_the_fix_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)

    with pytest.raises(NotSerializable, match=r"dict\['steps'\]\[0\]\[1\] cannot be pickled.*pip install cloudpickle"):
        pickles.dump({"steps": [("scale", lambda: 0)]}, path)

    monkeypatch.setattr(sys.modules["__main__"], "Doubler", Doubler, raising=False)
    monkeypatch.setattr(Doubler, "__module__", "__main__")
    with pytest.raises(NotSerializable, match=r"__main__\.Doubler rests on definitions.*pip install cloudpickle"):
        pickles.dump(Doubler(), path)


def test_the_main_script_of_a_spawned_process_is_no_module(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__mp_main__", sys.modules["tests.formats.plain"])
    monkeypatch.setattr(Doubler, "__module__", "__mp_main__")

    with pytest.raises(NotSerializable, match=r"__mp_main__\.Doubler rests on definitions.*Move the definition"):
        pickles.dump(Doubler(), path)


class _Registered:
    """Reduced to a number that only this process knows."""


def test_a_pickle_that_no_policy_could_judge_is_not_written(path: Path) -> None:
    copyreg.add_extension(__name__, "_Registered", 240)
    try:
        pickles.dump(_Registered(), path)
        with pytest.raises(NotSerializable, match=r"could never be loaded under a trust policy: .*EXT1"):
            pickles.named(path)
    finally:
        copyreg.remove_extension(__name__, "_Registered", 240)


def test_a_name_that_the_scan_did_not_show_is_not_resolved(path: Path) -> None:
    pickles.dump(Doubler(), path)

    with path.open("rb") as file, pytest.raises(Untrusted, match="which its scan did not show"):
        pickles.Restricted(file, {}, "model.pkl").load()


def test_a_part_beyond_all_depth_is_named_as_far_as_it_goes(path: Path) -> None:
    nested: list[Any] = [threading.Lock()]
    for _ in range(20):
        nested = [nested]

    with pytest.raises(NotSerializable, match=r"builtins\.list(\[0\]){12} cannot be pickled"):
        pickles.dump(nested, path)


def test_what_refuses_as_a_whole_is_named_as_a_whole(path: Path) -> None:
    with pytest.raises(NotSerializable, match=r"^_thread\.lock cannot be pickled"):
        pickles.dump(threading.Lock(), path)


def test_large_files_are_scanned_rather_than_searched(path: Path) -> None:
    assert pickles.dump({"weights": np.zeros(2 << 20), "text": "__main__"}, path) == "pickle"


class _Locked:
    def __init__(self) -> None:
        self.name = "x"
        self.parts = [{"lock": threading.Lock()}]


def test_what_cannot_be_pickled_is_named_by_its_path(path: Path) -> None:
    with pytest.raises(NotSerializable, match=r"_Locked\.parts\[0\]\['lock'\] cannot be pickled: .*lock"):
        pickles.dump(_Locked(), path)


def test_names_are_those_of_the_file(path: Path) -> None:
    pickles.dump([Doubler(), Outer.Inner(), {1}], path)

    assert pickles.named(path) == (
        "tests.formats.plain.Doubler",
        "tests.formats.plain.Outer.Inner",
    )


def test_a_library_that_is_missing_is_named(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x0bsklearn.odd\x8c\x05Model\x93)\x81.")
    with pytest.raises(MissingExtra, match="pip install scikit-learn"):
        pickles.load(path, parse_trust(["sklearn.odd.Model"]))

    path.write_bytes(b"\x80\x04\x8c\x08nomodule\x8c\x05Model\x93)\x81.")
    with pytest.raises(MissingExtra, match="pip install nomodule, or put the code"):
        pickles.load(path, FULL)


def test_a_class_that_moved_is_a_matter_of_versions(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x8c\x0bcollections\x8c\x04Gone\x93)\x81.")

    with pytest.raises(MissingExtra, match=r"does not fit the installed libraries: .*Gone"):
        pickles.load(path, parse_trust(["collections.Gone"]))


def test_a_cut_file_is_corrupt_even_under_full_trust(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": 1})[:-1])

    with pytest.raises(Corrupt, match="no whole pickle"):
        pickles.load(path, FULL)


def test_checking_constructs_nothing(path: Path) -> None:
    canary = path.with_name("canary")
    path.write_bytes(pickle.dumps(calls(canary)["posix.system"]))

    pickles.check(path, FULL)
    with pytest.raises(Untrusted):
        pickles.check(path, LISTED)

    assert not canary.exists()
