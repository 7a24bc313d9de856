"""Is a storage fit for a store? Each thing that a store needs of it is tried, and what fails says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from modelstore_core.documents.sidecars import read_store
from modelstore_core.errors import Corrupt, StorageDenied, StorageError
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.selftest import Trial, patiently, trials
from modelstore_core.maintenance.clock import store_time
from modelstore_core.maintenance.surroundings import file_system, packages, untouched
from modelstore_core.model.findings import Check, CheckState, Diagnosis
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Location, Storage

__all__ = ["diagnose"]

_SKEW = 60.0
_UNSAFE = (
    "Keep the store elsewhere: here, writers would overwrite each other's commits. With one writer only, "
    "single_writer=True (`--single-writer`) does."
)
_FILE_SYSTEMS = {
    "tmpfs": "It is gone when the machine restarts: for trials only.",
    "ramfs": "It is gone when the machine restarts: for trials only.",
    "overlay": "In a container it is gone with the container: mount a volume.",
    "nfs": "Fine if all writers mount the same server without local locks; not tested by us.",
    "nfs4": "Fine if all writers mount the same server; not tested by us.",
    "cifs": "Hard links and fsync depend on the server; not tested by us.",
    "9p": "Hard links and fsync depend on the host; not tested by us.",
    "vfat": "There are no hard links: use ext4, xfs, btrfs or apfs.",
    "exfat": "There are no hard links: use ext4, xfs, btrfs or apfs.",
}
_MEANS = {
    "link": ("Kept, by hard links.",),
    "rename": ("Kept, by renames that replace nothing.",),
    "claim": (
        "Kept, by claims.",
        "There are no hard links here: a writer that is killed may block its model for a while.",
    ),
}


@dataclass(slots=True)
class _Doctor:
    """What was found so far, and how long each operation took."""

    storage: Storage
    ports: Ports
    patience: float
    checks: list[Check] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)
    here: Location | None = None

    def say(self, name: str, state: CheckState, what: str, fix: str = "") -> None:
        """Note what came of something."""
        self.checks.append(Check(name=name, state=state, what=what, fix=fix))

    def tried(self, name: str, call: Callable[[], str]) -> bool:
        """Try it: what it says is fine; an error is a failure."""
        began = self.ports.monotonic()
        try:
            what = call()
        except StorageError as error:
            self.say(name, "fail", error.what, error.fix)
            return False
        self.took[name] = self.ports.monotonic() - began
        self.say(name, "ok", what)
        return True


def diagnose(storage: Storage, ports: Ports, patience: float, *, read_only: bool) -> Diagnosis:
    """Try everything; with `read_only` nothing is written. What is written is deleted again.

    Raises nothing: whatever the storage says is a finding.
    """
    doctor = _Doctor(storage, ports, patience)
    root = storage.local_path("store.json")
    with untouched(None if root is None else root.parent):
        _look_around(doctor)
        if doctor.tried("list", partial(_list, storage)) and _read(doctor):
            if read_only:
                doctor.say("write", "skip", "Nothing was written, as was asked.")
            elif _write(doctor):
                _compare_clocks(doctor)
        _sum_up(doctor)
    return Diagnosis.of(storage.url, doctor.checks)


def _look_around(doctor: _Doctor) -> None:
    doctor.say("packages", "info", packages())
    try:
        doctor.here = doctor.storage.location()
    except StorageError as error:
        doctor.say("location", "fail", error.what, error.fix)
    else:
        said = ", ".join(f"{name} {value}" for name, value in asdict(doctor.here).items() if value)
        doctor.say("location", "info", f"{said}.")
    path = doctor.storage.local_path("store.json")
    if path is not None:
        _look_at_disk(doctor, path.parent)


def _look_at_disk(doctor: _Doctor, root: Path) -> None:
    kind = file_system(root)
    advice = "Network drives made of other services seldom keep what they promise." if kind.startswith("fuse") else ""
    advice = advice or _FILE_SYSTEMS.get(kind, "")
    doctor.say("file system", "warn" if advice else "info", f"{kind or 'Of unknown type'}.", advice)


def _list(storage: Storage) -> str:
    found = len([*islice(storage.list("heads/"), 1000)])
    return f"Models found: {found if found < 1000 else 'at least 1,000'}."  # noqa: PLR2004 -- a page


def _read(doctor: _Doctor) -> bool:
    """Whether what is there can be read, and what is not there is said to be missing."""
    missing = f"self-test/{doctor.ports.token()}/missing"

    def look() -> str:
        if doctor.storage.get(missing) is None:
            return "An object that is not there is said to be missing, as the end of a log is found."
        raise StorageError(f"{missing!r} was never written, and can be read.", value=missing, fix=_UNSAFE)

    return doctor.tried("read", look) and _read_store(doctor)


def _read_store(doctor: _Doctor) -> bool:
    try:
        raw = doctor.storage.get("store.json")
        document = None if raw is None else read_store(raw)
    except (StorageError, Corrupt) as error:
        fix = error.fix if "Upgrade" in error.fix or isinstance(error, StorageError) else "See `mstore verify`."
        doctor.say("store", "fail", error.what, fix)
        return False
    if document is None:
        doctor.say("store", "info", "There is no store here yet: the first save makes one.")
        return True
    test = document.self_test
    here = doctor.here is not None and test.get("location") == asdict(doctor.here)
    if here and test.get("passed") is True:
        doctor.say("store", "ok", f"Made {document.created_at}; this storage was tested {test.get('time')}.")
    elif here:
        doctor.say("store", "warn", "This storage failed its test: the store is written by one writer only.", _UNSAFE)
    else:
        doctor.say("store", "info", f"Made {document.created_at} in another place: the next write tests this one.")
    return True


def _write(doctor: _Doctor) -> bool:
    """Whether everything that writers rest on could be tried, and holds; what was written is deleted."""
    keys: list[str] = []
    prefix = f"self-test/{doctor.ports.token()}/"
    patience = Patience(doctor.ports, doctor.patience)
    kept = False
    try:
        kept = _try_promises(doctor, trials(doctor.storage, prefix, keys, patience))
    except StorageError as error:
        if isinstance(error, StorageDenied) and "create-if-absent" not in doctor.took:
            doctor.say("write", "skip", error.what, f"Only who writes needs it. {error.fix}")
        else:
            doctor.say("write", "fail", error.what, error.fix)
    return _clean(doctor, prefix, keys, patience) and kept


def _try_promises(doctor: _Doctor, promises: Iterator[Trial]) -> bool:
    began = doctor.ports.monotonic()
    for trial in promises:
        doctor.took[trial.name] = doctor.ports.monotonic() - began
        if trial.failure:
            doctor.say(trial.name, "fail", f"Not kept: {trial.failure}", _UNSAFE)
            return False
        how = getattr(doctor.storage, "creates_by", None) if trial.name == "create-if-absent" else None
        doctor.say(trial.name, "warn" if how == "claim" else "ok", *_MEANS.get(str(how), ("Kept.",)))
        began = doctor.ports.monotonic()
    return True


def _clean(doctor: _Doctor, prefix: str, keys: list[str], patience: Patience) -> bool:
    """Delete what was written; whether nothing is left."""
    left, cause, fix = len(keys), "They were deleted, and are still listed.", "See whether the service deletes late."
    try:
        try:
            patiently(partial(doctor.storage.delete, keys), patience)
        finally:
            left = len([*doctor.storage.list(prefix)])
    except StorageError as error:
        cause, fix = error.what, error.fix
    if left:
        what = f"{left} objects of this test stay below {prefix!r}. {cause}"
        doctor.say("delete", "warn", what, f"{fix} Self-tests and `collect` delete objects; nothing else does.")
    elif "create-if-absent" in doctor.took:
        doctor.say("delete", "ok", "All that this test wrote is deleted again.")
    return not left


def _compare_clocks(doctor: _Doctor) -> None:
    def compare() -> str:
        skew = store_time(doctor.storage, doctor.ports, doctor.patience) - doctor.ports.now().timestamp()
        if abs(skew) > _SKEW:
            skewed.append(skew)
        return f"The store's differs from this machine's by {abs(skew):.1f} s."

    skewed: list[float] = []
    if doctor.tried("clock", compare) and skewed:
        found = doctor.checks.pop()
        fix = "Nothing is decided by a clock, but services refuse requests that are dated wrong: set this machine's."
        doctor.say("clock", "warn", found.what, fix)


def _sum_up(doctor: _Doctor) -> None:
    """How long things took, for people to compare."""
    took = [f"{name} {seconds * 1000:.0f} ms" for name, seconds in doctor.took.items()]
    if took:
        doctor.say("time", "info", f"{', '.join(took)}.")
