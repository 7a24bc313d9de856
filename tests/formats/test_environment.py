import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.formats.fresh import run

from modelstore_core.formats import environment
from modelstore_core.formats.environment import git_state, pins, training_folder, without_credentials

Git = Callable[..., str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    return path


@pytest.fixture
def git(repository: Path) -> Git:
    """A `git` that knows no configuration but its own, in a new repository without commits."""

    def call(*arguments: str) -> str:
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        who = {f"GIT_{role}_{part}": "a@b" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(
            command, env={**os.environ, **nobody, **who}, capture_output=True, text=True, check=True
        ).stdout

    call("init", "-b", "main")
    return call


@pytest.fixture
def committed(git: Git, repository: Path) -> str:
    (repository / "train.py").write_text("print()\n")
    git("add", ".")
    git("commit", "-m", "first")
    return git("rev-parse", "HEAD").strip()


def test_a_clean_checkout_is_described(committed: str, git: Git, repository: Path) -> None:
    git("remote", "add", "origin", "https://user:token@example.org/team/repo.git")

    assert git_state(repository) == {
        "commit": committed,
        "branch": "main",
        "dirty": False,
        "remote": "https://example.org/team/repo.git",
    }


def test_a_detached_head_has_a_commit_and_no_branch(committed: str, git: Git, repository: Path) -> None:
    git("checkout", "--detach")

    assert git_state(repository) == {"commit": committed, "branch": None, "dirty": False, "remote": None}


@pytest.mark.usefixtures("committed")
def test_a_change_to_a_tracked_file_is_dirt_and_a_new_file_is_not(repository: Path) -> None:
    (repository / "sub").mkdir()
    (repository / "new.py").write_text("")
    clean = git_state(repository)
    (repository / "train.py").write_text("print(1)\n")
    changed = git_state(repository / "sub")

    assert clean is not None
    assert changed is not None
    assert (clean["dirty"], changed["dirty"]) == (False, True)


def test_it_is_asked_once_a_folder(committed: str, git: Git, repository: Path) -> None:
    before = git_state(repository)
    git("commit", "--allow-empty", "-m", "second")

    assert git_state(repository) is before
    assert before is not None
    assert before["commit"] == committed


@pytest.mark.usefixtures("git")
def test_a_repository_without_commits_has_a_branch(repository: Path) -> None:
    assert git_state(repository) == {"commit": None, "branch": "main", "dirty": False, "remote": None}


def test_no_repository_is_no_state(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "absent") is None


@pytest.mark.usefixtures("committed")
def test_without_git_there_is_no_state(repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_state(repository) is None


@pytest.mark.usefixtures("committed")
def test_a_git_that_does_not_answer_is_not_waited_for(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = tmp_path / "git"
    slow.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert git_state(repository, seconds=0.2) is None


@pytest.mark.usefixtures("committed")
def test_a_git_hook_s_own_repository_does_not_mislead(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))

    assert git_state(repository) is not None


@pytest.mark.usefixtures("committed")
def test_the_repository_starts_no_program(git: Git, repository: Path) -> None:
    monitor = repository / "monitor"
    monitor.write_text(f"#!/bin/sh\ntouch {repository / 'canary'}\n")
    monitor.chmod(0o755)
    git("config", "core.fsmonitor", str(monitor))

    assert git_state(repository) is not None

    assert not (repository / "canary").exists()


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://user:token@example.org/a.git", "https://example.org/a.git"),
        ("https://token@example.org:8443/a.git", "https://example.org:8443/a.git"),
        ("https://example.org/a.git?private_token=x#y", "https://example.org/a.git"),
        ("https://a:b@c@example.org/a.git", "https://example.org/a.git"),
        ("ssh://git@example.org:22/a.git", "ssh://git@example.org:22/a.git"),
        ("ssh://git:secret@example.org/a.git", "ssh://example.org/a.git"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git"),
        ("../elsewhere", "../elsewhere"),
        ("file:///srv/a.git", "file:///srv/a.git"),
    ],
)
def test_a_remote_holds_no_credentials(url: str, safe: str) -> None:
    assert without_credentials(url) == safe


def test_pins_are_distributions_not_modules() -> None:
    import numpy as np
    import sklearn

    assert pins(["sklearn.linear_model", "numpy", "json", "os.path", "__main__", "tests.formats"]) == (
        f"numpy=={np.__version__}",
        f"scikit-learn=={sklearn.__version__}",
    )
    assert [pin.partition("==")[0] for pin in pins(["xgboost", "yaml"])] == ["pyyaml", "xgboost-cpu"]


def test_a_module_whose_package_has_another_name_is_found() -> None:
    assert [pin.partition("==")[0] for pin in pins(["_pytest", "attr"])] == ["attrs", "pytest"]


def test_the_training_code_is_where_the_script_is(tmp_path: Path) -> None:
    script = tmp_path / "code" / "train.py"
    script.parent.mkdir()
    script.write_text("from modelstore_core.formats.environment import training_folder\nprint(training_folder())\n")

    assert run("import runpy, sys; runpy.run_path(sys.argv[1], run_name='__main__')", str(script), cwd=tmp_path)
    found = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(Path(environment.__file__).parents[2])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(script.parent)


def test_without_a_script_it_is_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from modelstore_core.formats.environment import training_folder; print(training_folder())"
    assert run(code, cwd=tmp_path).strip() == str(tmp_path)

    # pytest itself is an installed tool
    monkeypatch.chdir(tmp_path)
    assert training_folder() == tmp_path
    monkeypatch.delattr(sys.modules["__main__"], "__file__")
    assert training_folder() == tmp_path


def test_the_section_is_plain_json() -> None:
    section = environment.describe(["numpy"])

    assert json.loads(json.dumps(section)) == section
    assert set(section) == {"python", "platform", "requirements", "git"}
