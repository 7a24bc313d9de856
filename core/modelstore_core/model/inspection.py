"""What a version is, as far as it can be known without loading anything of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from modelstore_core.model.frames import Kind
from modelstore_core.model.json import JsonObject
from modelstore_core.model.listings import Records
from modelstore_core.model.signatures import signature_line
from modelstore_core.model.tables import html_card, printable, readable_size, text_card

__all__ = ["Drift", "InspectedFile", "Inspection"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One thing that is another version here than where the model was saved.

    Attributes:
        name: `python`, or a distribution's name.
        recorded: Its version there.
        here: Its version here; None if it is not installed.
        matters: Whether a load may fail or differ for it. Pickles may break between minor releases, files in a
            library's own format between major ones.
    """

    name: str
    recorded: str
    here: str | None
    matters: bool

    COLUMNS: ClassVar[Mapping[str, Kind]] = {"name": "text", "recorded": "text", "here": "text", "matters": "flag"}

    def row(self) -> dict[str, object]:
        """The difference as one row of a table."""
        return {"name": self.name, "recorded": self.recorded, "here": self.here, "matters": self.matters}


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFile:
    """One file of a version.

    Attributes:
        path, size: As in the version's record, with which its bytes were compared.
        opened: Whether loading the object opens it.
        kind: What its bytes are: "pickle", "gzip of a pickle", "zip", "npy", "data" …; not what its name says.
        globals: The exact names that unpickling it would resolve, sorted.
        refused: Those of them that this reader's policy does not allow.
        risks: What else to know before anything opens it, in words.
    """

    path: str
    size: int
    opened: bool
    kind: str
    globals: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()

    COLUMNS: ClassVar[Mapping[str, Kind]] = {
        "path": "text",
        "size": "int",
        "opened": "flag",
        "kind": "text",
        "globals": "int",
        "refused": "text",
        "risks": "text",
    }

    def row(self) -> dict[str, object]:
        """The file as one row of a table."""
        return {
            "path": self.path,
            "size": self.size,
            "opened": self.opened,
            "kind": self.kind,
            "globals": len(self.globals),
            "refused": ", ".join(self.refused),
            "risks": "; ".join(self.risks),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A version looked at from outside: its bytes were checked and scanned, and nothing of it was loaded.

    Attributes:
        ref: The version's reference, by number.
        format, model_type: As recorded.
        trust: The policy it was judged by: "safe", "listed" or "full".
        allowed: Whether `load` would go ahead under that policy.
        refusal: What `load` would say, with the line that would allow it if one does; "" if it is allowed.
        globals: The exact names in the pickles that loading opens, found in the bytes.
        not_recorded, not_found: How that differs from what the record says: names that only the bytes have, and
            names that only the record has.
        risks: What to know before loading, in words.
        files: Every file, with what it is.
        drift: What is of another version here than where it was saved.
        install: The command that installs what it was saved with; "" if the record names nothing.
        signature: As recorded.
        proved: The outcome of the proof at save, if one was asked for.
    """

    ref: str
    format: str
    model_type: str
    trust: str
    allowed: bool
    refusal: str
    globals: tuple[str, ...]
    not_recorded: tuple[str, ...]
    not_found: tuple[str, ...]
    risks: tuple[str, ...]
    files: Records[InspectedFile]
    drift: Records[Drift]
    install: str
    signature: JsonObject | None
    proved: JsonObject | None

    def card(self) -> list[dict[str, object]]:
        """The inspection as a table of two columns, for people."""
        verdict = "allowed" if self.allowed else f"refused: {self.refusal}"
        rows: list[tuple[str, object]] = [
            ("version", self.ref),
            ("format", f"{self.format} ({self.model_type})" if self.model_type else self.format),
            (f"load, {self.trust}", verdict),
            *(("file", self._line(file)) for file in self.files),
            *(("risk", risk) for risk in self.risks),
            *(("global", name) for name in self.globals),
            *(("drift", f"{d.name} {d.recorded} there, {d.here or 'not installed'} here") for d in self.drift),
            ("inputs", signature_line(self.signature, "inputs")),
            ("outputs", signature_line(self.signature, "outputs")),
            ("install", self.install),
            ("proved", _proof(self.proved)),
        ]
        return [{"what": what, "value": value} for what, value in rows if value]

    @staticmethod
    def _line(file: InspectedFile) -> str:
        opened = "opened by load" if file.opened else "not opened"
        return f"{file.path}: {file.kind}, {readable_size(file.size)}, {opened}"

    def __str__(self) -> str:
        return text_card(self._facts())

    def __repr__(self) -> str:
        return printable(f"Inspection({self.ref}, {self.format}, load {'allowed' if self.allowed else 'refused'})")

    def _repr_html_(self) -> str:
        return html_card(self._facts())

    def _facts(self) -> list[tuple[str, object]]:
        return [(str(line["what"]), line["value"]) for line in self.card()]


def _proof(proved: JsonObject | None) -> str:
    if not proved:
        return ""
    predicted = "predicted the same" if proved.get("predicted") else "had nothing to predict"
    return f"loaded in a process of its own, {predicted} (Python {proved.get('python')}, {proved.get('seconds')} s)"
