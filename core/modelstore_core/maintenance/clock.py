"""What time it is where a store's objects are stamped: the only clock that ages of objects can be measured by."""

from functools import partial

from modelstore_core.errors import StorageUnavailable
from modelstore_core.journal.patience import Patience
from modelstore_core.journal.selftest import owner_of, patiently
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["store_time"]


def store_time(storage: Storage, ports: Ports, seconds: float) -> float:
    """Seconds since the epoch as the store counts them: the stamp of an object just created, and deleted again.

    Raises:
        StorageUnavailable: The storage did not answer for that many seconds.
    """
    prefix = f"self-test/{ports.token()}/"
    key = f"{prefix}now"
    patience = Patience(ports, seconds)

    def stamped() -> float:
        for info in storage.list(prefix):
            return info.modified
        raise StorageUnavailable(f"{key!r} is not listed.", value=key, fix="Try again later.")

    try:
        # Created, not put: a put may stamp the object by this machine's clock.
        owner_of(storage, key, b"What time is it?\n", patience)
        return patiently(stamped, patience)
    finally:
        patiently(partial(storage.delete, [key]), patience)
