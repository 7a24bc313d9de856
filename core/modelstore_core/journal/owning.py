"""Creating an object until it is known whose it is: what every commit and every claim rests on."""

from collections.abc import Callable

from modelstore_core.documents.sidecars import Mark
from modelstore_core.errors import CommitUncertain, StorageError, StorageUnavailable
from modelstore_core.journal.patience import Patience
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import Storage

__all__ = ["RETRY_FIX", "Owning"]

RETRY_FIX = "Retry with the same key=: it finds out what became of it."


class Owning:
    """Creates objects of one model in one storage, each step as long as patience lasts."""

    def __init__(self, storage: Storage, model: str, ports: Ports, seconds: float) -> None:
        self._storage = storage
        self._model = model
        self._ports = ports
        self._seconds = seconds

    def create(self, key: str, body: bytes, mine: Callable[[bytes], bool], mark: Mark) -> bytes | None:
        """Create until the key's owner is known: None if it is this call, else the owner's bytes."""
        patience = Patience(self._ports, self._seconds)
        cause: StorageError = StorageUnavailable(f"{key!r} seems neither free nor taken.", value=key)
        doubt = False
        while True:
            try:
                there = body if self._storage.create(key, body) else self._storage.get(key)
            except StorageUnavailable as error:
                there, cause, doubt = None, error, True
            except StorageError as error:
                there = self._read_back(key, error, mark, mine, doubt=doubt)
            if there is not None:
                return None if mine(there) else there
            if patience.spent():
                raise self._uncertain(cause, mark) from cause
            patience.wait()

    def _read_back(
        self, key: str, cause: StorageError, mark: Mark, mine: Callable[[bytes], bool], *, doubt: bool
    ) -> bytes:
        """What stands at the key after a create failed for good; raises the cause if that proves nothing happened."""
        try:
            there = self._storage.get(key)
        except StorageError as error:
            raise self._uncertain(error, mark) from cause
        if there is None and not doubt:
            raise cause
        # Without a lost reply before it, the failed create itself wrote what stands there: a disk that could not sync
        # the folder. It may not last, so it is not acknowledged.
        if there is None or (mine(there) and not doubt):
            raise self._uncertain(cause, mark) from cause
        return there

    def _uncertain(self, error: StorageError, mark: Mark) -> CommitUncertain:
        return CommitUncertain(
            f"The storage did not say in time whether the change of {self._model!r} took place: {error}",
            value=self._model,
            fix=RETRY_FIX,
            op_id=mark.op_id,
            seq=mark.seq,
        )
