"""What a storage around a storage passes on for another one that may be wrapped as well."""

from modelstore_core.storage.protocol import Storage

__all__ = ["unwrapped"]


def unwrapped(storage: Storage | None) -> Storage | None:
    """What a wrapper wraps, all the way in: wrappers show it as `inner`. Anything else as it is.

    A storage copies only from storages of its own kind, and does not know wrappers.
    """
    while storage is not None and (inner := getattr(storage, "inner", None)) is not None:
        storage = inner
    return storage
