"""The format: models of `thresholds` as one JSON file. With the package installed, stores choose it by themselves."""

import json
from collections.abc import Sequence
from pathlib import Path

from modelstore_core.errors import Corrupt, MissingExtra
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

_FILE = "thresholds.json"


class ThresholdsFormat:
    """`thresholds.json`: numbers by name, which every trust policy allows."""

    name = "thresholds"

    def accepts(self, model: object) -> bool:
        """Whether the object is of our class, found by its name: asked of every model, so nothing is imported."""
        return f"{type(model).__module__}.{type(model).__qualname__}" == "thresholds.Thresholds"

    def save(self, model: object, folder: Path) -> Saved:
        """Write the limits, the same bytes for the same model."""
        (folder / _FILE).write_text(json.dumps(model.limits) + "\n", encoding="utf-8")  # type: ignore[attr-defined]
        return Saved(loads=(_FILE,), packages=("thresholds",))

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Nothing in the file is code, so the policy has nothing to say; who inspects a version is told so."""

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the limits.

        Raises:
            MissingExtra: The library is not installed.
            Corrupt: The file has no limits in it.
        """
        del trust
        try:
            from thresholds import Thresholds
        except ModuleNotFoundError as error:
            raise MissingExtra("Loading it needs thresholds.", value=_FILE, fix="pip install thresholds") from error
        try:
            limits = json.loads((folder / loads[0]).read_text(encoding="utf-8"))
            return Thresholds({str(name): float(limit) for name, limit in limits.items()})
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise Corrupt(f"{_FILE!r} has no limits: {error}.", value=_FILE) from error
