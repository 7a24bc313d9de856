"""Is everything there, and what it was? A whole store or one model, held to `docs/format.md`; what follows is mended.

Memory is bounded by the largest model: some hundred bytes a version and commit of it, whatever the size of its files.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from modelstore_core.documents.sidecars import read_store
from modelstore_core.errors import Corrupt, InvalidInput, ModelNotFound
from modelstore_core.journal.catalog import CATALOG
from modelstore_core.journal.log import Journal
from modelstore_core.maintenance.cataloguing import catalogue, flaws
from modelstore_core.maintenance.comparing import Comparison
from modelstore_core.maintenance.findings import Findings, once
from modelstore_core.maintenance.inspecting import Inspection, Request
from modelstore_core.model.findings import Problem, Verification
from modelstore_core.model.names import folder_of
from modelstore_core.model.records import Records
from modelstore_core.ports import Ports
from modelstore_core.registry.gathering import Gathering
from modelstore_core.registry.memory import Memory
from modelstore_core.storage.protocol import Storage

__all__ = ["parse_share", "verify"]

_STORE = "store.json"
_FOLDER = r"[a-z0-9][a-z0-9._-]*"
_OURS = re.compile(
    rf"store\.json|catalog/(?:index|[0-9a-f]{{64}})\.json\.gz|heads/(?P<hinted>{_FOLDER})\.json|models/(?P<folder>{_FOLDER})/(?:(?P<commit>log/\d{{20}}\.json)"
    r"|blocks/\d{20}-\d{20}\.json|segments/.+|keys/[0-9a-f]{64}\.json|data/[0-9a-f]{32}/.+)",
    re.DOTALL,
)
_SMALL = 64
"""Models with at most so many commits are looked at side by side; a larger one by itself, with its commits so."""
_AT_ONCE = 16
_ORDER = {"damage": 0, "repairable": 1, "note": 2}


@dataclass(slots=True)
class _Total:
    """What was counted over all models so far."""

    problems: list[Problem] = field(default_factory=list)
    heads: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, inspection: Inspection, comparison: Comparison) -> None:
        """Take in one model."""
        ledger, head = inspection.recital.ledger, inspection.recital.head
        self.take(inspection.findings)
        if head is not None:
            self.heads[head.model] = head.sha256
        self.counts["models"] += head is not None
        self.counts["commits"] += inspection.last
        self.counts["versions"] += sum(not version.purged for version in ledger.versions.values())
        for name in ("files", "files_read", "bytes_read"):
            self.counts[name] += getattr(comparison, name)

    @property
    def damaged(self) -> bool:
        """Whether something is found that nothing in the store brings back."""
        return any(problem.severity == "damage" for problem in self.problems)

    def take(self, findings: Findings) -> None:
        """Take in the problems."""
        self.problems += findings.problems
        if findings.left_out:
            what = f"{findings.left_out:,} problems more."
            self.problems.append(Problem(model=findings.model, severity="note", key="", what=what, fix=""))

    def verification(self) -> Verification:
        """The answer."""
        problems = sorted(self.problems, key=lambda p: (_ORDER[p.severity], p.model, p.key))
        counted = {name: self.counts[name] for name in ("models", "commits", "versions", "files")}
        return Verification(
            ok=all(p.severity == "note" or p.repaired for p in problems),
            problems=Records(problems, Problem),
            files_read=self.counts["files_read"],
            bytes_read=self.counts["bytes_read"],
            heads=dict(sorted(self.heads.items())),
            **counted,
        )


def parse_share(read_data: bool | str) -> tuple[int, int]:  # noqa: FBT001 -- the public argument, as it comes in
    """True → (1, 1), False → (0, 1), "2/7" → (2, 7).

    Raises:
        InvalidInput: It is none of these.
    """
    if isinstance(read_data, bool):
        return int(read_data), 1
    match = re.fullmatch(r"([1-9]\d{0,8})/([1-9]\d{0,8})", read_data) if isinstance(read_data, str) else None
    if match is None or int(match[1]) > int(match[2]):
        raise InvalidInput(
            f"read_data={read_data!r} is no share.",
            value=read_data,
            fix="Pass True for all files, or '2/7' for the second of seven shares; '1/7' to '7/7' are all of them.",
        )
    return int(match[1]), int(match[2])


def verify(storage: Storage, ports: Ports, request: Request) -> Verification:
    """Look at a store or a model as is asked.

    Raises:
        ModelNotFound: There is nothing of the model that is named.
        StorageError: The storage failed; about a single object that it cannot read a problem is noted instead.
    """
    total = _Total()
    root = Findings("")
    writable = _check_store(storage, root)
    catalogued = False
    if request.name is None:
        folders, catalogued = _survey(storage, root)
        groups = _groups(folders)
    else:
        _require(storage, request.name)
        groups = iter([[folder_of(request.name)]])
    total.take(root)
    for group in groups:
        done = storage.together([partial(_look, storage, ports, request, folder) for folder in group])
        for inspection, comparison in done:
            if request.repair and writable:
                inspection.findings.mend()
            total.add(inspection, comparison)
    if catalogued:
        total.take(_check_catalog(storage, ports, request, writable=writable and not total.damaged))
    return total.verification()


def _check_catalog(storage: Storage, ports: Ports, request: Request, *, writable: bool) -> Findings:
    """Hold the catalog of all models to their logs."""

    def journal_of(name: str) -> Journal:
        return Journal(storage, name, ports, request.patience)

    findings = Findings("")
    gathering = Gathering(storage, journal_of, Memory(), catalog=False)
    cure = once(partial(catalogue, storage, gathering, journal_of))
    for flaw in flaws(storage, journal_of):
        findings.repairable(flaw.key, f"The catalog {flaw.problem}.", cure)
    if request.repair and writable:
        findings.mend()
    return findings


def _look(storage: Storage, ports: Ports, request: Request, folder: str) -> tuple[Inspection, Comparison]:
    inspection = Inspection(storage, ports, folder, request)
    inspection.run()
    comparison = Comparison(storage, inspection, request.share)
    comparison.run()
    return inspection, comparison


def _require(storage: Storage, name: str) -> None:
    folder = folder_of(name)
    if storage.get(f"heads/{folder}.json") is None and not any(storage.list(f"models/{folder}/")):
        raise ModelNotFound(
            f"There is no model {name!r} in this store.",
            value=name,
            fix="`models()` or `mstore ls` lists what there is.",
        )


def _check_store(storage: Storage, findings: Findings) -> bool:
    """Whether the store's own document lets this release write."""
    raw = storage.get(_STORE)
    if raw is None:
        what = "There is no store.json."
        findings.note(_STORE, what, "Readers need none, and the next write makes one. If this is a copy, copy it too.")
        return True
    try:
        read_store(raw)
    except Corrupt as error:
        fix = "Nobody can write to the store. Put it back from a backup; or remove it: the next write makes a new one."
        findings.damage(_STORE, error.what, error.fix if "Upgrade" in error.fix else fix)
        return False
    return True


def _survey(storage: Storage, findings: Findings) -> tuple[Counter[str], bool]:
    """How many commits each model's folder has, and whether there is a catalog, from one listing of everything.

    What is not ours is noted.
    """
    catalogued = False
    commits: Counter[str] = Counter()
    strangers: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for info in storage.list(""):
        match = _OURS.fullmatch(info.key)
        if match is None:
            place = "/".join(info.key.split("/")[:3][:-1])
            strangers[place] += 1
            examples.setdefault(place, info.key)
        elif folder := match["hinted"] or match["folder"]:
            commits[folder] += match["commit"] is not None
        else:
            catalogued = catalogued or info.key == CATALOG
    for place, count in sorted(strangers.items()):
        _note_strangers(findings, place, count, examples[place])
    return commits, catalogued


def _note_strangers(findings: Findings, place: str, count: int, example: str) -> None:
    if place.startswith("self-test"):
        what = f"{count:,} objects that a self-test did not get to delete."
        findings.note(f"{place}/", what, "They may be deleted.")
        return
    what = (
        "An object that is none of the store's." if count == 1 else f"{count:,} objects that are none of the store's."
    )
    findings.note(example, what, "They are left alone and ignored.")


def _groups(commits: Counter[str]) -> Iterator[Sequence[str]]:
    """The folders, those with few commits together."""
    small = sorted(folder for folder, count in commits.items() if count <= _SMALL)
    for first in range(0, len(small), _AT_ONCE):
        yield small[first : first + _AT_ONCE]
    for folder in sorted(set(commits) - set(small)):
        yield [folder]
