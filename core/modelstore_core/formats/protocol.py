"""What a format is: an object to a folder of files and back. Formats know neither storage nor registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from modelstore_core.formats.trust import Trust
from modelstore_core.model.json import JsonObject

__all__ = ["Format", "Saved", "Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What one format wrote.

    Attributes:
        loads: The files `load` needs, as relative paths with forward slashes.
        flavors: The `flavors` section of the folder's MLmodel; empty: no MLmodel is written, the folder is as it came.
        pickles: Those of the files that hold pickles; their globals are recorded.
        packages: Top-level modules that loading imports, beyond what the pickles name.
    """

    loads: tuple[str, ...]
    flavors: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    pickles: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A finished folder, as the version's record describes it; every value is plain JSON.

    Attributes:
        format: The format's name, by which `read` finds it again.
        loads: The files `read` needs.
        globals: Exact names ("module.qualname") that unpickling the folder resolves, sorted.
        environment: `python`, `platform`, `requirements` (a list of pins) and `git` (a mapping or null).
        signature: MLflow's signature section (`inputs`, `outputs` as JSON text), or None.
        model_type: The object's class, "module.qualname".
        model_params: What the object says of how it was made, shortened.
    """

    format: str
    loads: tuple[str, ...]
    globals: tuple[str, ...]
    environment: Mapping[str, object]
    signature: Mapping[str, object] | None
    model_type: str
    model_params: JsonObject = field(default_factory=dict)


class Format(Protocol):
    """Turns objects of some library into files and back."""

    @property
    def name(self) -> str:
        """The name that records carry and `format=` takes."""

    def accepts(self, model: object) -> bool:
        """Whether this format is meant for the object; looks at its class's MRO by name and imports nothing."""

    def save(self, model: object, folder: Path) -> Saved:
        """Write the object into the empty folder.

        Raises:
            NotSerializable: The object cannot be written; the message names the offending part and the fix.
        """

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Read the object back from a folder whose bytes have been checked against the record.

        Raises:
            Untrusted: Before anything is constructed, if the policy does not allow what the files name.
            MissingExtra: The library is not installed.
        """
