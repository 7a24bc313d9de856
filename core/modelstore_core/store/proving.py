"""Proof at save: the files that were sent are fetched again, and a clean process makes of them what was saved."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.errors import ProofFailed
from modelstore_core.formats.proof import COMMAND, write_task
from modelstore_core.formats.protocol import Written
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.json import JsonObject
from modelstore_core.store.handle import Handle

__all__ = ["Proof"]

_LINES: Final = 12
_LONGEST: Final = 4000
_HERE: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is to be proved: that these files, as the store has them, are this model.

    Attributes:
        handle, name: The store, and the model's name in it.
        model: The object that was saved.
        example: The input example, or None.
        written: How it was written.
        seconds: How long the process may take.
    """

    handle: Handle
    name: str
    model: object
    example: object
    written: Written
    seconds: float

    def __call__(self, data_id: str, files: Sequence[FileEntry]) -> JsonObject:
        """Fetch the files, start the process, and say what came of it.

        Raises:
            ProofFailed: It did not load, predicted something else, or took too long.
        """
        started = self.handle.ports.monotonic()
        with tempfile.TemporaryDirectory(prefix="modelstore-proof-", ignore_cleanup_errors=True) as private:
            folder, task, outcome = (Path(private) / name for name in ("model", "task", "outcome"))
            folder.mkdir()
            root = self.handle.journal(self.name).root
            Artifacts(self.handle.storage, root).fetch(data_id, files, folder)
            write_task(
                task,
                folder,
                format=self.written.format,
                loads=self.written.loads,
                model=self.model,
                example=self.example,
            )
            self._run(task, outcome)
            found: JsonObject = json.loads(outcome.read_text(encoding="utf-8"))
        return {**found, "seconds": round(self.handle.ports.monotonic() - started, 3)}

    def _run(self, task: Path, outcome: Path) -> None:
        # -P: neither the current folder nor the script's is on the path, so that only what is installed is known.
        command = [sys.executable, "-P", "-c", COMMAND, str(_HERE), str(task), str(outcome)]
        try:
            done = subprocess.run(  # noqa: S603 -- our own interpreter, with nothing that a shell would read
                command,
                cwd=task.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self.seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise self._failed(f"took more than {self.seconds:g} s", error.stderr) from None
        if done.returncode != 0 or not outcome.is_file():
            silent = "" if done.stderr.strip() else f" and ended with code {done.returncode}, saying nothing"
            raise self._failed(f"did not give it back{silent}", done.stderr)

    def _failed(self, how: str, said: bytes | None) -> ProofFailed:
        lines = (said or b"").decode("utf-8", "replace")[-_LONGEST:].strip().splitlines()[-_LINES:]
        last = f": {lines[-1].strip()}" if lines else "."
        return ProofFailed(
            f"A clean process that read {self.name!r} from the store {how}{last}",
            value=self.name,
            fix="Nothing was saved. That process knows the installed packages, not the script or its folder.",
            output="\n".join(lines),
        )
