"""Versioned models in a folder or a bucket, with no server.

The front door: everything public, each name imported when it is first asked for, so that `import modelstore_core`
costs next to nothing in a process that only passes by.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from modelstore_core.version import __version__

if TYPE_CHECKING:
    from modelstore_core.errors import (
        AliasConflict,
        AliasNotFound,
        AliasProtected,
        AttemptSuperseded,
        CommitUncertain,
        Conflict,
        Corrupt,
        EnvironmentWarning,
        GateRefused,
        InvalidInput,
        InvalidLocation,
        InvalidName,
        InvalidQuery,
        InvalidReference,
        MissingExtra,
        ModelDeleted,
        ModelExists,
        ModelMoved,
        ModelMoving,
        ModelNotFound,
        ModelStoreError,
        NotFound,
        NotSerializable,
        ProofFailed,
        StorageDenied,
        StorageError,
        StorageMissing,
        StorageUnavailable,
        StoreReadOnly,
        StoreTooNew,
        TooLarge,
        UnknownFormat,
        UnsafeStorage,
        Untrusted,
        VersionDeleted,
        VersionInUse,
        VersionNotFound,
        VersionPurged,
    )
    from modelstore_core.formats.trust import Trust
    from modelstore_core.model.collection import Collected, Collection
    from modelstore_core.model.comparison import Comparison, Difference
    from modelstore_core.model.digest import FileEntry
    from modelstore_core.model.findings import Check, Diagnosis, Problem, Verification
    from modelstore_core.model.gates import (
        Approved,
        AtLeast,
        AtMost,
        CheckPassed,
        Gate,
        HasTag,
        Improves,
        KeepsSignature,
        MinAge,
        Proved,
        Side,
        gate_of,
    )
    from modelstore_core.model.imported import Imported, ImportedVersion, NotKept
    from modelstore_core.model.inspection import Drift, InspectedFile, Inspection
    from modelstore_core.model.operations import Finding, Review
    from modelstore_core.model.records import Event, Feed, ModelSummary, ModelVersion, Page, Records
    from modelstore_core.model.reviews import Approval, CheckOutcome, Vote
    from modelstore_core.model.upkeep import Maintained
    from modelstore_core.progress import Progress, log_progress
    from modelstore_core.registry.decisions import ANY
    from modelstore_core.store.facade import ModelStore
    from modelstore_core.store.past import PastStore

_HOMES = {
    "modelstore_core.errors": (
        "AliasConflict",
        "AliasNotFound",
        "AliasProtected",
        "AttemptSuperseded",
        "CommitUncertain",
        "Conflict",
        "Corrupt",
        "EnvironmentWarning",
        "GateRefused",
        "InvalidInput",
        "InvalidLocation",
        "InvalidName",
        "InvalidQuery",
        "InvalidReference",
        "MissingExtra",
        "ModelDeleted",
        "ModelExists",
        "ModelMoved",
        "ModelMoving",
        "ModelNotFound",
        "ModelStoreError",
        "NotFound",
        "NotSerializable",
        "ProofFailed",
        "StorageDenied",
        "StorageError",
        "StorageMissing",
        "StorageUnavailable",
        "StoreReadOnly",
        "StoreTooNew",
        "TooLarge",
        "UnknownFormat",
        "UnsafeStorage",
        "Untrusted",
        "VersionDeleted",
        "VersionInUse",
        "VersionNotFound",
        "VersionPurged",
    ),
    "modelstore_core.formats.trust": ("Trust",),
    "modelstore_core.model.collection": ("Collected", "Collection"),
    "modelstore_core.model.comparison": ("Comparison", "Difference"),
    "modelstore_core.model.digest": ("FileEntry",),
    "modelstore_core.model.findings": (
        "Check",
        "Diagnosis",
        "Problem",
        "Verification",
    ),
    "modelstore_core.model.gates": (
        "Approved",
        "AtLeast",
        "AtMost",
        "CheckPassed",
        "Gate",
        "HasTag",
        "Improves",
        "KeepsSignature",
        "MinAge",
        "Proved",
        "Side",
        "gate_of",
    ),
    "modelstore_core.model.reviews": ("Approval", "CheckOutcome", "Vote"),
    "modelstore_core.model.imported": ("Imported", "ImportedVersion", "NotKept"),
    "modelstore_core.model.inspection": ("Drift", "InspectedFile", "Inspection"),
    "modelstore_core.model.operations": ("Finding", "Review"),
    "modelstore_core.model.records": (
        "Event",
        "Feed",
        "ModelSummary",
        "ModelVersion",
        "Page",
        "Records",
    ),
    "modelstore_core.progress": ("Progress", "log_progress"),
    "modelstore_core.model.upkeep": ("Maintained",),
    "modelstore_core.registry.decisions": ("ANY",),
    "modelstore_core.store.facade": ("ModelStore",),
    "modelstore_core.store.past": ("PastStore",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ANY",
    "AliasConflict",
    "AliasNotFound",
    "AliasProtected",
    "Approval",
    "Approved",
    "AtLeast",
    "AtMost",
    "AttemptSuperseded",
    "Check",
    "CheckOutcome",
    "CheckPassed",
    "Collected",
    "Collection",
    "CommitUncertain",
    "Comparison",
    "Conflict",
    "Corrupt",
    "Diagnosis",
    "Difference",
    "Drift",
    "EnvironmentWarning",
    "Event",
    "Feed",
    "FileEntry",
    "Finding",
    "Gate",
    "GateRefused",
    "HasTag",
    "Imported",
    "ImportedVersion",
    "Improves",
    "InspectedFile",
    "Inspection",
    "InvalidInput",
    "InvalidLocation",
    "InvalidName",
    "InvalidQuery",
    "InvalidReference",
    "KeepsSignature",
    "Maintained",
    "MinAge",
    "MissingExtra",
    "ModelDeleted",
    "ModelExists",
    "ModelMoved",
    "ModelMoving",
    "ModelNotFound",
    "ModelStore",
    "ModelStoreError",
    "ModelSummary",
    "ModelVersion",
    "NotFound",
    "NotKept",
    "NotSerializable",
    "Page",
    "PastStore",
    "Problem",
    "Progress",
    "ProofFailed",
    "Proved",
    "Records",
    "Review",
    "Side",
    "StorageDenied",
    "StorageError",
    "StorageMissing",
    "StorageUnavailable",
    "StoreReadOnly",
    "StoreTooNew",
    "TooLarge",
    "Trust",
    "UnknownFormat",
    "UnsafeStorage",
    "Untrusted",
    "Verification",
    "VersionDeleted",
    "VersionInUse",
    "VersionNotFound",
    "VersionPurged",
    "Vote",
    "__version__",
    "gate_of",
    "log_progress",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
