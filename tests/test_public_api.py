import inspect
import pickle
import subprocess
import sys
from collections.abc import Iterator

import pytest

import modelstore_core
from modelstore_core import CommitUncertain, GateRefused, ModelStore, ModelStoreError, Untrusted, errors

FRONT_DOOR = [
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

VERBS = [
    "annotate",
    "approvals",
    "approve",
    "at",
    "best",
    "changes",
    "collect",
    "compare",
    "copy",
    "delete",
    "delete_model",
    "describe",
    "doctor",
    "gates",
    "get",
    "history",
    "import_from",
    "inspect",
    "load",
    "maintain",
    "model",
    "models",
    "promote",
    "protect",
    "prune",
    "pull",
    "reject",
    "rename",
    "request_approval",
    "restore",
    "restore_model",
    "rollback",
    "save",
    "search",
    "unalias",
    "undo",
    "unprotect",
    "verify",
    "versions",
]

KINDS = {
    "error": "ModelStoreError",
    "invalid_input": "InvalidInput",
    "invalid_name": "InvalidName",
    "invalid_query": "InvalidQuery",
    "invalid_reference": "InvalidReference",
    "invalid_location": "InvalidLocation",
    "unknown_format": "UnknownFormat",
    "too_large": "TooLarge",
    "not_serializable": "NotSerializable",
    "proof_failed": "ProofFailed",
    "not_found": "NotFound",
    "model_not_found": "ModelNotFound",
    "version_not_found": "VersionNotFound",
    "alias_not_found": "AliasNotFound",
    "conflict": "Conflict",
    "alias_conflict": "AliasConflict",
    "alias_protected": "AliasProtected",
    "gate_refused": "GateRefused",
    "version_in_use": "VersionInUse",
    "version_deleted": "VersionDeleted",
    "version_purged": "VersionPurged",
    "model_deleted": "ModelDeleted",
    "model_exists": "ModelExists",
    "model_moved": "ModelMoved",
    "model_moving": "ModelMoving",
    "attempt_superseded": "AttemptSuperseded",
    "commit_uncertain": "CommitUncertain",
    "untrusted": "Untrusted",
    "missing_extra": "MissingExtra",
    "storage": "StorageError",
    "storage_missing": "StorageMissing",
    "storage_denied": "StorageDenied",
    "store_read_only": "StoreReadOnly",
    "storage_unavailable": "StorageUnavailable",
    "unsafe_storage": "UnsafeStorage",
    "corrupt": "Corrupt",
    "store_too_new": "StoreTooNew",
}


def every_error(root: type[ModelStoreError] = ModelStoreError) -> Iterator[type[ModelStoreError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


ERRORS = list(dict.fromkeys(error for error in every_error() if error.__module__ == errors.__name__))


def test_the_front_door_has_these_names_and_no_others() -> None:
    assert list(modelstore_core.__all__) == sorted(FRONT_DOOR)
    assert [name for name in FRONT_DOOR if not hasattr(modelstore_core, name)] == []


def test_the_store_has_these_verbs_and_no_others() -> None:
    methods = {name for name, _ in inspect.getmembers(ModelStore, inspect.isroutine) if not name.startswith("_")}

    assert methods - {"over"} == set(VERBS)


def test_every_error_is_exported_under_its_own_stable_kind() -> None:
    assert {error.kind: error.__name__ for error in ERRORS} == KINDS
    assert {error.__name__ for error in ERRORS} <= set(modelstore_core.__all__)
    assert set(errors.__all__) - {"EnvironmentWarning"} == set(KINDS.values())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
def test_an_error_says_what_happened_and_how_to_mend_it(error: type[ModelStoreError]) -> None:
    raised = error("'x y' is no name.", value="x y", fix="Leave the blank out.")

    assert str(raised) == "'x y' is no name. Leave the blank out."
    assert (raised.what, raised.value, raised.fix) == ("'x y' is no name.", "x y", "Leave the blank out.")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.kind)
def test_an_error_crosses_a_process_border_with_all_its_fields(error: type[ModelStoreError]) -> None:
    own: dict[type[ModelStoreError], dict[str, object]] = {
        GateRefused: {"evidence": (modelstore_core.AtLeast("auc", 0.9).judge(candidate(), None),)},
        CommitUncertain: {"op_id": "0d41", "seq": 3},
        Untrusted: {"names": ("os.system",)},
        errors.ProofFailed: {"output": "ModuleNotFoundError"},
    }
    raised = error("What.", value=3, fix="Do.", **own.get(error, {}))
    back = pickle.loads(pickle.dumps(raised))

    assert type(back) is error
    assert (str(back), back.args, vars(back)) == (str(raised), raised.args, vars(raised))


def candidate() -> modelstore_core.Side:
    return modelstore_core.Side(ref="m@1", metrics={"auc": 0.8})


def test_an_error_crosses_a_process_border_even_if_its_value_cannot() -> None:
    back = pickle.loads(pickle.dumps(ModelStoreError("What.", value=lambda: 0)))

    assert "lambda" in back.value


@pytest.mark.parametrize("name", [name for name in FRONT_DOOR if callable(getattr(modelstore_core, name))])
def test_every_public_name_says_what_it_is(name: str) -> None:
    public = getattr(modelstore_core, name)
    # a dataclass without a docstring of its own shows its signature instead
    assert public.__doc__
    assert not public.__doc__.startswith(f"{name}(")


@pytest.mark.parametrize("name", [name for name in FRONT_DOOR if inspect.isclass(getattr(modelstore_core, name))])
def test_every_public_method_says_what_it_promises(name: str) -> None:
    public = getattr(modelstore_core, name)
    members = [
        member
        for member, value in vars(public).items()
        if not member.startswith("_") and (inspect.isroutine(value) or isinstance(value, property))
    ]

    assert [member for member in members if not inspect.getdoc(getattr(public, member))] == []


def test_a_star_import_takes_the_front_door_only() -> None:
    ask = "from modelstore_core import *; print(*sorted(set(dir()) - {'__builtins__'}))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=True)

    found = {name for name in done.stdout.split() if not (name.startswith("__") and name != "__version__")}
    assert found == set(FRONT_DOOR)
