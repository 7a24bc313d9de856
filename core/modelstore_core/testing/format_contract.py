"""The promises of `modelstore_core.formats.protocol.Format` as tests, for every format there is.

    class TestMyFormat(FormatContract):
        format = MyFormat()
        trust = parse_trust(["mylibrary.Model"])

        def model(self, scratch):
            return mylibrary.Model().fit(...)

        def equal(self, left, right):
            return (left.predict(ROWS) == right.predict(ROWS)).all()

Nothing here imports pytest, but pytest is what runs it: the tests take its `tmp_path`. Say
`pytest.register_assert_rewrite("modelstore_core.testing")` in a conftest for good messages.
"""

import dataclasses
import json
import os
import pickle  # noqa: TID251 -- what a hostile file holds must not run
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from modelstore_core.errors import ModelStoreError, Untrusted
from modelstore_core.formats import Trust, Written, parse_trust, read_pyfunc
from modelstore_core.formats.folders import write_with
from modelstore_core.formats.objects import Checks
from modelstore_core.formats.pickles import holds_pickle
from modelstore_core.formats.protocol import Format

__all__ = ["FormatContract"]


class FormatContract(ABC):
    """Subclass it, and say what the format is and what it takes.

    Attributes:
        format: The format.
        trust: The policy under which its models load; no wider than they need.
        example: Rows that the model predicts, for models that do.
        repeatable: Whether the library's own file is the same each time the same model is written.
    """

    format: ClassVar[Format]
    trust: ClassVar[Trust] = parse_trust("listed")
    example: ClassVar[object] = None
    repeatable: ClassVar[bool] = True

    @abstractmethod
    def model(self, scratch: Path) -> object:
        """A new model, the same each time; `scratch` is an empty folder for those that lie in files."""

    @abstractmethod
    def equal(self, left: object, right: object) -> bool:
        """Whether two models answer the same."""

    def test_its_name_is_a_plain_word(self) -> None:
        """Records carry it, and users write it."""
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,49}", self.format.name)

    def test_it_accepts_its_own_models_and_imports_nothing_to_find_out(self, tmp_path: Path) -> None:
        """The class's names decide."""
        model = self.model(_new(tmp_path, "scratch"))
        before = set(sys.modules)

        assert self.format.accepts(model)
        assert set(sys.modules) == before

    def test_it_looks_at_any_object_without_complaint(self) -> None:
        """Formats are asked in turn, about objects of every kind."""
        for value in (None, 3, "text", b"bytes", [1], {"a": 1}, object(), type, print, lambda: None):
            self.format.accepts(value)

    def test_a_model_comes_back_from_the_files_it_names(self, tmp_path: Path) -> None:
        """No other file of the folder is needed, and the folder may lie elsewhere by then."""
        model, folder, written = self._written(tmp_path)
        moved = _new(tmp_path, "moved")
        for name in written.loads:
            (moved / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / name, moved / name)
        shutil.rmtree(folder)

        loaded = self.format.load(moved, written.loads, self.trust)

        assert isinstance(loaded, Path) or type(loaded) is type(model)
        assert self.equal(loaded, model)

    def test_what_it_names_are_files_of_the_folder(self, tmp_path: Path) -> None:
        """Relative paths with forward slashes, each of a regular file, none twice."""
        _, folder, written = self._written(tmp_path)

        assert written.loads
        assert len(set(written.loads)) == len(written.loads)
        assert set(written.loads) <= set(_contents(folder))

    def test_it_writes_nothing_outside_the_folder(self, tmp_path: Path) -> None:
        """Neither beside it nor in the working directory, and no links."""
        here = sorted(Path.cwd().iterdir())

        _, folder, _ = self._written(tmp_path)

        assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "scratch"]
        assert sorted(Path.cwd().iterdir()) == here
        assert not [path for path in folder.rglob("*") if path.is_symlink()]

    def test_saving_leaves_the_model_as_it_was(self, tmp_path: Path) -> None:
        """It can be saved again, and answers as before."""
        model, folder, _ = self._written(tmp_path)
        again = _new(tmp_path, "again")

        write_with(self.format, model, again)

        assert self.equal(model, self.model(_new(tmp_path, "scratch-2")))
        if self.repeatable:
            assert _contents(again) == _contents(folder)

    def test_the_record_is_plain_json(self, tmp_path: Path) -> None:
        """What is written about a version goes into its commit."""
        _, _, written = self._written(tmp_path)

        record = dataclasses.asdict(written)

        assert json.loads(json.dumps(record)) == {**record, "loads": [*written.loads], "globals": [*written.globals]}

    def test_every_pickle_is_declared(self, tmp_path: Path) -> None:
        """A pickle that the format does not own up to would load without its names being judged."""
        model = self.model(_new(tmp_path, "scratch"))
        folder = _new(tmp_path, "folder")

        saved = self.format.save(model, folder)

        if not isinstance(model, os.PathLike):  # files of other programs are given back, not opened
            assert {name for name in _contents(folder) if holds_pickle(folder / name)} == set(saved.pickles)

    def test_safe_trust_loads_it_only_without_pickles(self, tmp_path: Path) -> None:
        """`"safe"` means that no pickle is opened."""
        model, folder, written = self._written(tmp_path)
        pickled = [name for name in written.loads if holds_pickle(folder / name)]
        safe = parse_trust("safe")

        if pickled and not isinstance(model, os.PathLike):
            _refused(lambda: self.format.load(folder, written.loads, safe))
        else:
            assert self.equal(self.format.load(folder, written.loads, safe), model)

    def test_what_its_check_says_its_load_says(self, tmp_path: Path) -> None:
        """Who looks at a version beforehand is told what a load would answer; for formats that can say it."""
        _, folder, written = self._written(tmp_path)

        for trust in (parse_trust("safe"), parse_trust("listed"), self.trust, parse_trust("full")):
            if isinstance(self.format, Checks):
                beforehand = _answer(partial(self.format.check, folder, written.loads, trust))
                assert beforehand == _answer(partial(self.format.load, folder, written.loads, trust))

    def test_nothing_that_a_hostile_file_says_is_run(self, tmp_path: Path) -> None:
        """Whichever of its files holds a pickle that would call something, in every protocol."""
        _, folder, written = self._written(tmp_path)
        canary = tmp_path / "canary"
        for name in written.loads:
            honest = (folder / name).read_bytes()
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                (folder / name).write_bytes(pickle.dumps(_Touch(canary), protocol))
                with suppress(ModelStoreError):
                    self.format.load(folder, written.loads, self.trust)
                assert not canary.exists()
            (folder / name).write_bytes(honest)

    def test_its_example_makes_a_signature_that_mlflow_holds_it_to(self, tmp_path: Path) -> None:
        """For models that predict: the folder is an MLflow model, and answers the example."""
        if self.example is None:
            return
        model = self.model(_new(tmp_path, "scratch"))
        folder = _new(tmp_path, "folder")

        written = write_with(self.format, model, folder, input_example=self.example)

        assert written.signature is not None
        predict = read_pyfunc(folder, trust=self.trust).predict  # type: ignore[attr-defined] # an MLflow model
        assert len(predict(self.example)) > 0

    def _written(self, tmp_path: Path) -> tuple[object, Path, Written]:
        model = self.model(_new(tmp_path, "scratch"))
        folder = _new(tmp_path, "folder")
        return model, folder, write_with(self.format, model, folder)


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


def _new(parent: Path, name: str) -> Path:
    path = parent / name
    path.mkdir()
    return path


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def _answer(call: Callable[[], object]) -> str:
    """The refusal's words; "" if there is none."""
    try:
        call()
    except Untrusted as refusal:
        return str(refusal)
    return ""


def _refused(load: Callable[[], object]) -> None:
    try:
        load()
    except Untrusted:
        return
    raise AssertionError("the policy forbids this load, and it went through")
