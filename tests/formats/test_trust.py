import pickle
from importlib import import_module
from pathlib import Path

import pytest

from modelstore_core.errors import InvalidInput, Untrusted
from modelstore_core.formats.trust import (
    FULL,
    LISTED,
    SAFE,
    SHIPPED,
    Trust,
    parse_trust,
    refuse_pickle,
    refuse_unlisted,
)

MINE = "mymodels.churn.Model"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("word", "policy"), [("safe", SAFE), ("listed", LISTED), ("full", FULL)])
def test_a_level_is_a_policy(word: str, policy: Trust) -> None:
    assert parse_trust(word) == policy
    assert parse_trust(policy) is policy


def test_a_list_of_names_is_added_to_the_shipped_one() -> None:
    assert parse_trust([MINE]) == Trust(level="listed", extra=frozenset({MINE}))


@pytest.mark.parametrize("value", ["", "Full", "all", MINE])
def test_any_other_word_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match=f"trust={value!r}"):
        parse_trust(value)


@pytest.mark.parametrize("value", ["Model", "mymodels.*", "mymodels.", "my models.x", "a.<locals>.b", "", 3, None])
def test_what_is_no_exact_name_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="exact name"):
        parse_trust([value])  # type: ignore[list-item] # what users may pass


def test_policies_can_be_pickled_and_compared() -> None:
    policy = parse_trust([MINE])

    assert pickle.loads(pickle.dumps(policy)) == policy
    assert len({policy, parse_trust((MINE,))}) == 1


def test_a_refusal_prints_the_lines_that_would_allow_it() -> None:
    with pytest.raises(Untrusted) as refusal:
        refuse_unlisted(LISTED, ["b.Two", "a.One", "builtins.dict"], "'model.pkl'")

    assert refusal.value.names == ("a.One", "b.Two")
    assert 'trust=["a.One", "b.Two"]' in str(refusal.value)
    assert '[tool.modelstore] trust = ["a.One", "b.Two"]' in str(refusal.value)
    assert "'model.pkl' names what this reader does not trust: a.One, b.Two" in str(refusal.value)


def test_a_name_is_allowed_exactly_or_not_at_all() -> None:
    policy = parse_trust([MINE])

    refuse_unlisted(policy, [MINE, "sklearn.pipeline.Pipeline"], "x")

    assert policy.unlisted([f"{MINE}.method", "mymodels.churn", "sklearn.pipeline"]) == (
        "mymodels.churn",
        f"{MINE}.method",
        "sklearn.pipeline",
    )


def test_the_nearest_pyproject_adds_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.modelstore]\ntrust = ["{MINE}"]\n')
    (tmp_path / "sub" / "deeper").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "sub" / "deeper")

    refuse_unlisted(LISTED, [MINE], "x")

    with pytest.raises(Untrusted):
        refuse_unlisted(SAFE, [MINE], "x")


def test_a_nearer_pyproject_hides_a_farther_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(f'[tool.modelstore]\ntrust = ["{MINE}"]\n')
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "pyproject.toml").write_text('[project]\nname = "x"\n')
    monkeypatch.chdir(tmp_path / "sub")

    with pytest.raises(Untrusted):
        refuse_unlisted(LISTED, [MINE], "x")


@pytest.mark.parametrize("text", ['trust = "full"', "trust = [3]", 'trust = ["*"]', "trust = 'a", "trust = {a = 1}"])
def test_a_pyproject_that_cannot_be_understood_allows_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.modelstore]\n{text}\n")

    with pytest.raises(InvalidInput, match=r"pyproject\.toml"):
        refuse_unlisted(LISTED, [MINE], "x")


@pytest.mark.parametrize("text", ["tool = 3", "[tool]\nmodelstore = 3", "[tool.modelstore]\nurl = 's3://b'"])
def test_a_pyproject_without_the_list_adds_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)

    with pytest.raises(Untrusted):
        refuse_unlisted(LISTED, [MINE], "x")


def test_without_any_pyproject_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")

    with pytest.raises(Untrusted):
        refuse_unlisted(LISTED, [MINE], "x")


def test_the_pyproject_is_not_read_unless_something_would_be_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("this is no TOML")

    refuse_unlisted(LISTED, ["builtins.dict"], "x")
    refuse_unlisted(FULL, [MINE], "x")


def test_no_pickle_is_safe() -> None:
    refuse_pickle(LISTED, "'model.pkl'")
    refuse_pickle(FULL, "'model.pkl'")

    with pytest.raises(Untrusted, match=r"'model\.pkl' is a pickle"):
        refuse_pickle(SAFE, "'model.pkl'")


# What runs code, starts programs, imports by name, opens paths or composes such calls. Prefixes end in a dot.
DENIED_PREFIXES = (
    "asyncio.", "code.", "codeop.", "ctypes.", "functools.", "idlelib.", "imp.", "importlib.", "inspect.", "io.",
    "itertools.", "joblib.", "lib2to3.", "marshal.", "multiprocessing.", "numpy.ctypeslib.", "numpy.distutils.",
    "numpy.f2py.", "numpy.lib.", "numpy.testing.", "operator.", "os.", "pandas.core.computation.", "pandas.io.",
    "pdb.", "pickle.", "pip.", "pkgutil.", "platform.", "posix.", "posixpath.", "profile.", "pty.", "pydoc.",
    "runpy.", "scipy.io.", "scipy.stats.", "shutil.", "site.", "sklearn.datasets.", "sklearn.externals.",
    "sklearn.utils._testing.", "socket.", "subprocess.", "sys.", "tempfile.", "threading.", "timeit.", "trace.",
    "types.", "urllib.", "webbrowser.", "zipimport.",
)  # fmt: skip
DENIED_WORDS = (
    "apply", "call", "compile", "eval", "exec", "fetch", "fromfile", "genfromtxt", "getattr", "import", "load",
    "memmap", "open", "partial", "query", "read", "runstring", "save", "setattr", "system", "ufunc",
    "vectorize",
)  # fmt: skip
ALLOWED_BUILTINS = {
    "bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "object", "range", "set",
    "slice", "str", "tuple",
}  # fmt: skip


def test_no_listed_name_takes_code_commands_or_paths() -> None:
    assert not [name for name in SHIPPED if name.startswith(DENIED_PREFIXES)]
    words = {name: name.rpartition(".")[2].strip("_").split("_") for name in SHIPPED}
    assert not [name for name in SHIPPED if any(word.startswith(DENIED_WORDS) for word in words[name])]
    assert {name for name in SHIPPED if name.startswith("builtins.")} <= {f"builtins.{n}" for n in ALLOWED_BUILTINS}


def test_the_list_holds_nothing_of_other_packages() -> None:
    tops = {name.partition(".")[0] for name in SHIPPED}

    assert tops == {
        "_codecs", "builtins", "collections", "copyreg", "datetime", "decimal", "fractions", "lightgbm", "numpy",
        "pandas", "pathlib", "pyarrow", "scipy", "sklearn", "torch", "uuid", "xgboost",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_listed_name_exists_here_or_in_another_release() -> None:
    elsewhere = {name for name in SHIPPED if name.startswith(("numpy.core.", "pathlib._local.", "pandas.core.frame."))}

    # those of torch are looked for where there is one: tests/frameworks/test_torch.py
    here = {name for name in SHIPPED - elsewhere if not name.startswith("torch.")}
    missing = [name for name in here if not _exists(name)]

    assert missing == []


def _exists(name: str) -> bool:
    module, _, qualname = name.rpartition(".")
    return hasattr(import_module(module), qualname)


@pytest.mark.parametrize(("file", "at_least"), [("trusted_names.txt", 400), ("trusted_torch_names.txt", 200)])
def test_the_lists_are_sorted_and_have_no_doubles(file: str, at_least: int) -> None:
    path = Path(import_module("modelstore_core.formats.trust").__file__ or "").with_name(file)
    names = [line for line in path.read_text().splitlines() if not line.startswith("#")]

    assert names == sorted(set(names))
    assert len(names) > at_least
