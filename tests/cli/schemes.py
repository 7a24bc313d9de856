"""Storages that only tests open, by the entry points that any package may have."""

import builtins
import threading
from pathlib import Path

from modelstore_core import ModelStoreError, errors
from modelstore_core.storage.memory import MemoryStorage

ENTRY_POINTS = """\
[modelstore.storage]
raising = tests.cli.schemes:raising
lying = tests.cli.schemes:lying
silent = tests.cli.schemes:silent
"""


class LyingStorage(MemoryStorage):
    """Says of every create that it took place, and overwrites."""

    def create(self, key: str, body: bytes) -> bool:
        self.put(key, body)
        return True


def raising(url: str, **options: object) -> MemoryStorage:
    """Fail with the error that the URL names, as any verb might."""
    name = url.removeprefix("raising://")
    kind: type[BaseException] = getattr(errors, name, None) or getattr(builtins, name)
    if issubclass(kind, ModelStoreError):
        raise kind("It went \x1b[31mwrong.", value=options or None, fix="Mend it.")
    raise kind("It went \x1b[31mwrong")


def lying(url: str, **options: object) -> MemoryStorage:
    """A storage whose create-if-absent is not real."""
    return LyingStorage(url.removeprefix("lying://"))


def silent(url: str, **options: object) -> MemoryStorage:
    """A storage that never answers, and says on stdout when it is asked, if the URL has a word for that."""
    print(url.removeprefix("silent://"), end="", flush=True)
    threading.Event().wait()
    raise AssertionError


def install(folder: Path) -> None:
    """Lay out a package that adds these schemes."""
    info = folder / "schemes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: schemes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
