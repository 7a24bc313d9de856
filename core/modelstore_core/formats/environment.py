"""What a version was made with: Python, the pins that loading needs, and the git state of the training code."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final, TypedDict
from urllib.parse import urlsplit, urlunsplit

from modelstore_core.formats.missing import DISTRIBUTIONS

__all__ = [
    "Environment",
    "GitState",
    "describe",
    "git_state",
    "installed_version",
    "pins",
    "training_folder",
    "without_credentials",
]

_GIT_SECONDS: Final = 5.0
# A repository reached by the environment, as inside a git hook, is not the one that holds the training code.
_GIT_REDIRECTS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR")


class GitState(TypedDict):
    """Where the training code stood."""

    commit: str | None
    branch: str | None
    dirty: bool
    remote: str | None


class Environment(TypedDict):
    """The environment section of a version's record."""

    python: str
    platform: str
    requirements: list[str]
    git: GitState | None


def describe(modules: Iterable[str]) -> Environment:
    """The environment section of a version's record, as plain JSON.

    Args:
        modules: Names of modules that loading imports.
    """
    return {
        "python": platform.python_version(),
        "platform": _platform(),
        "requirements": list(pins(modules)),
        "git": git_state(training_folder()),
    }


@cache
def _platform() -> str:
    return f"{platform.system()}-{platform.machine()}".lower()


def pins(modules: Iterable[str]) -> tuple[str, ...]:
    """`distribution==version` for each module that an installed distribution provides, sorted.

    Modules of the standard library, and those that lie beside the training script, belong to none.
    """
    tops = {module.partition(".")[0] for module in modules}
    return tuple(sorted({pin for top in tops - sys.stdlib_module_names for pin in _pins_of(top)}))


@cache
def _pins_of(top: str) -> tuple[str, ...]:
    if top in {"__main__", "__mp_main__"}:
        return ()
    for distribution in DISTRIBUTIONS.get(top, (top,)):
        version = installed_version(distribution)
        if version is not None:
            return (f"{distribution}=={version}",)
    return _pins_by_search(top)


def _pins_by_search(top: str) -> tuple[str, ...]:
    # Reads the file list of every installed distribution: slow, and only for names that differ from their package's.
    from importlib.metadata import packages_distributions

    found = sorted(set(packages_distributions().get(top, ())))
    return tuple(f"{distribution}=={installed_version(distribution)}" for distribution in found)


@cache
def installed_version(distribution: str) -> str | None:
    """The installed version of a distribution, or None."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def training_folder() -> Path:
    """Where the training code lies: the folder of the script that runs, or, if that is an installed tool, the cwd."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if not script:
        return Path.cwd()
    folder = Path(script).resolve().parent
    installed = {"site-packages", "dist-packages"} & set(folder.parts) or folder.is_relative_to(
        Path(sys.prefix).resolve()
    )
    return Path.cwd() if installed or folder.is_relative_to(Path(os.__file__).resolve().parent) else folder


@cache
def git_state(folder: Path, *, seconds: float = _GIT_SECONDS) -> GitState | None:
    """Commit, branch (None on a detached HEAD), whether tracked files differ, and the remote without credentials.

    Asked of the `git` command once per process and folder. None without git, without a repository, or when git does
    not answer in time: what a version was trained from is worth recording, not worth failing for.
    """
    text = _git(folder, seconds, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if text is None:
        return None
    head = dict(line[2:].split(" ", 1) for line in text.splitlines() if line.startswith("# "))
    commit, branch = head.get("branch.oid"), head.get("branch.head")
    remote = _git(folder, seconds, "remote", "get-url", "origin")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": any(not line.startswith("# ") for line in text.splitlines()),
        "remote": without_credentials(remote.strip()) if remote else None,
    }


def _git(folder: Path, seconds: float, *arguments: str) -> str | None:
    environment = {name: value for name, value in os.environ.items() if name not in _GIT_REDIRECTS}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and every argument is ours
            # no file-system monitor: a repository's configuration can name any program for it
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments],  # noqa: S607 - the user's own git
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def without_credentials(url: str) -> str:
    """The URL without user, password, query or fragment; an ssh user without a password says nothing and stays."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.netloc:
        return url
    user, _, host = parts.netloc.rpartition("@")
    keeps_user = parts.scheme == "ssh" and user and ":" not in user
    return urlunsplit((parts.scheme, f"{user}@{host}" if keeps_user else host, parts.path, "", ""))
