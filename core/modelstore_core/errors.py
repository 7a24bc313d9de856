"""Every error this project raises, one class per thing a caller can do about it.

    ModelStoreError
    ├── InvalidInput (ValueError)            correct the argument
    │   ├── InvalidName                      a model, alias or key outside the grammar
    │   ├── InvalidReference                 "name", "name@3", "name@alias" were expected
    │   ├── InvalidQuery                     a filter or order that cannot be understood, and where
    │   ├── InvalidLocation                  a store URL that cannot be understood
    │   ├── UnknownFormat                    no format of that name, or none takes the object
    │   └── TooLarge                         a record beyond what one commit may hold
    ├── NotSerializable (TypeError)          the object cannot be turned into files
    │   └── ProofFailed                      its files did not give it back in a clean process
    ├── NotFound (LookupError)
    │   ├── ModelNotFound, VersionNotFound, AliasNotFound
    ├── Conflict                             the store moved, or its rules say no
    │   ├── AliasConflict                    `expect=` did not hold
    │   ├── AliasProtected                   rules guard the alias, and this goes around them
    │   ├── GateRefused                      a gate said no; both sides' numbers are inside
    │   ├── VersionInUse                     an alias points to what was to be deleted
    │   ├── VersionDeleted, VersionPurged    the version is not to be had (any more)
    │   ├── ModelDeleted, ModelMoved         nor is the model: it is deleted, or has another name
    │   ├── ModelExists                      there is, or was, a model of the name that another is to get
    │   ├── ModelMoving                      a rename to this name is under way
    │   └── AttemptSuperseded                a later attempt of the same key has won
    ├── CommitUncertain                      the reply was lost; retry with the same key
    ├── Untrusted                            the reader's trust policy forbids this load
    ├── MissingExtra (ImportError)           `pip install …`
    ├── StorageError (OSError)
    │   ├── StorageMissing                   the bucket or folder is not there
    │   ├── StorageDenied                    credentials or permissions
    │   │   └── StoreReadOnly                it was opened to be read only
    │   ├── StorageUnavailable               time-outs, 5xx, throttling: try again later
    │   └── UnsafeStorage                    create-if-absent is not real there
    └── Corrupt                              bytes or records that are not what was written
        └── StoreTooNew                      written by a later format than this release reads

Each carries `what` happened, the offending `value` and the `fix`, has a stable `kind`, and survives pickling
(orchestrators move exceptions between processes).
"""

from typing import ClassVar

__all__ = [
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
]


class ModelStoreError(Exception):
    """The root of all errors raised here.

    Attributes:
        what: One sentence: what happened, and where.
        value: The offending value, as it came in.
        fix: What to do about it, as an instruction.
    """

    kind: ClassVar[str] = "error"

    def __init__(self, what: str, *, value: object = None, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.value = value
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}".rstrip()

    def __reduce__(self) -> tuple[object, ...]:
        # Not every offending value can cross a process border: its repr always can.
        state = dict(self.__dict__)
        if not isinstance(self.value, str | int | float | bool | tuple | None):
            state["value"] = repr(self.value)
        return (_rebuild, (type(self), self.what, state))


def _rebuild(cls: type[ModelStoreError], what: str, state: dict[str, object]) -> ModelStoreError:
    error = cls.__new__(cls)
    Exception.__init__(error, what)
    error.__dict__.update(state)
    return error


class InvalidInput(ModelStoreError, ValueError):
    """An argument is not what it must be."""

    kind = "invalid_input"


class InvalidName(InvalidInput):
    """A model name, alias or key is outside its grammar."""

    kind = "invalid_name"


class InvalidReference(InvalidInput):
    """A reference is not `name`, `name@3` or `name@alias`."""

    kind = "invalid_reference"


class InvalidQuery(InvalidInput):
    """A filter or an order cannot be understood.

    Attributes:
        line, column: Where, counted from 1.
    """

    kind = "invalid_query"

    def __init__(self, what: str, *, value: object = None, fix: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(what, value=value, fix=fix)
        self.line = line
        self.column = column


class InvalidLocation(InvalidInput):
    """A store URL cannot be understood, or its scheme is unknown."""

    kind = "invalid_location"


class UnknownFormat(InvalidInput):
    """No format has that name, or none takes the object."""

    kind = "unknown_format"


class TooLarge(InvalidInput):
    """A record is beyond what one commit may hold."""

    kind = "too_large"


class NotSerializable(ModelStoreError, TypeError):
    """The object cannot be turned into files; nothing was stored."""

    kind = "not_serializable"


class ProofFailed(NotSerializable):
    """A clean process that read the files from the store did not get the saved object back; nothing was saved.

    Attributes:
        output: The last lines that the process said.
    """

    kind = "proof_failed"

    def __init__(self, what: str, *, value: object = None, fix: str = "", output: str = "") -> None:
        super().__init__(what, value=value, fix=fix)
        self.output = output


class NotFound(ModelStoreError, LookupError):
    """What the reference names is not in the store."""

    kind = "not_found"


class ModelNotFound(NotFound):
    """No model of that name."""

    kind = "model_not_found"


class VersionNotFound(NotFound):
    """No such version of the model."""

    kind = "version_not_found"


class AliasNotFound(NotFound):
    """The model has no such alias."""

    kind = "alias_not_found"


class Conflict(ModelStoreError):
    """The store has moved, or its rules say no; nothing was changed."""

    kind = "conflict"


class AliasConflict(Conflict):
    """`expect=` did not hold: the alias points elsewhere."""

    kind = "alias_conflict"


class AliasProtected(Conflict):
    """Rules guard the alias, and this would go around them."""

    kind = "alias_protected"


class GateRefused(Conflict):
    """A gate said no. The refusal stands in the model's history.

    Attributes:
        evidence: One mapping per rule: rule, candidate's and current version's numbers, verdict.
    """

    kind = "gate_refused"

    def __init__(self, what: str, *, value: object = None, fix: str = "", evidence: tuple[object, ...] = ()) -> None:
        super().__init__(what, value=value, fix=fix)
        self.evidence = evidence


class VersionInUse(Conflict):
    """An alias points to the version that was to be deleted."""

    kind = "version_in_use"


class VersionDeleted(Conflict):
    """The version is deleted; `restore` brings it back until its bytes are collected."""

    kind = "version_deleted"


class VersionPurged(Conflict):
    """The version's bytes were removed for good."""

    kind = "version_purged"


class ModelDeleted(Conflict):
    """The model is deleted; `restore_model` brings it back, with what `collect` has left of it."""

    kind = "model_deleted"


class ModelExists(Conflict):
    """There is a model of the name that another is to get, or there was: a name is not used again."""

    kind = "model_exists"


class ModelMoved(Conflict):
    """The model has another name now.

    Attributes:
        to: That name.
    """

    kind = "model_moved"

    def __init__(self, what: str, *, value: object = None, fix: str = "", to: str = "") -> None:
        super().__init__(what, value=value, fix=fix)
        self.to = to


class ModelMoving(Conflict):
    """A model is being renamed to this name, and has not arrived yet; running the rename again finishes it.

    Attributes:
        origin: The name that it still has.
    """

    kind = "model_moving"

    def __init__(self, what: str, *, value: object = None, fix: str = "", origin: str = "") -> None:
        super().__init__(what, value=value, fix=fix)
        self.origin = origin


class AttemptSuperseded(Conflict):
    """A later attempt of the same key has already decided; this one must not."""

    kind = "attempt_superseded"


class CommitUncertain(ModelStoreError):
    """The store did not say in time whether the commit took place; a retry with the same `key=` finds out.

    Attributes:
        op_id: The commit's unique id.
        seq: The log position it was offered at.
    """

    kind = "commit_uncertain"

    def __init__(self, what: str, *, value: object = None, fix: str = "", op_id: str = "", seq: int = 0) -> None:
        super().__init__(what, value=value, fix=fix)
        self.op_id = op_id
        self.seq = seq


class Untrusted(ModelStoreError):
    """Loading would run or construct what the reader's trust policy does not allow; nothing was loaded.

    Attributes:
        names: The exact global names that are not allowed, sorted.
    """

    kind = "untrusted"

    def __init__(self, what: str, *, value: object = None, fix: str = "", names: tuple[str, ...] = ()) -> None:
        super().__init__(what, value=value, fix=fix)
        self.names = names


class MissingExtra(ModelStoreError, ImportError):
    """An optional package is not installed; the message has the exact `pip install` line."""

    kind = "missing_extra"


class StorageError(ModelStoreError, OSError):
    """The folder or bucket failed in a way that has no better name."""

    kind = "storage"


class StorageMissing(StorageError):
    """The folder or bucket does not exist."""

    kind = "storage_missing"


class StorageDenied(StorageError):
    """Credentials are missing or wrong, or a permission is lacking."""

    kind = "storage_denied"


class StoreReadOnly(StorageDenied):
    """The store was opened to be read only; nothing was asked and nothing written."""

    kind = "store_read_only"


class StorageUnavailable(StorageError):
    """Time-outs, lost connections, 5xx or throttling: nothing is known to be wrong for good."""

    kind = "storage_unavailable"


class UnsafeStorage(StorageError):
    """Create-if-absent is not real there, so commits could overwrite one another."""

    kind = "unsafe_storage"


class Corrupt(ModelStoreError):
    """Bytes or records are not what was written; nothing was loaded."""

    kind = "corrupt"


class StoreTooNew(Corrupt):
    """The store was written in a later format than this release reads."""

    kind = "store_too_new"


class EnvironmentWarning(UserWarning):
    """A version was loaded with other releases of what it needs than it was saved with, and that may matter."""
