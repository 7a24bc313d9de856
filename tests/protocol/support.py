"""What tests of the protocol say often: a hint that lies, a crash at a place, somebody who saves."""

import hashlib
import json
from collections.abc import Callable

import pytest

from modelstore_core import ModelStore, ModelVersion
from modelstore_core.storage.protocol import Storage
from modelstore_core.testing.faults import Fault, FaultyStorage, FaultyVerb, SimulatedCrash
from modelstore_core.testing.stores import store_over


def write_hint(storage: Storage, seq: int, op_id: str, model: str = "m") -> None:
    """Make a hint of a plain-named model say this."""
    document = {"model": model, "nonce": "of a lie", "op": op_id, "seq": seq}
    storage.put(f"heads/{model}.json", json.dumps(document).encode())


def claim_of(storage: Storage, key: str, model: str = "m") -> dict[str, object]:
    """What the claim of a key says, without its sum; {} if there is none."""
    raw = storage.get(f"models/{model}/keys/{hashlib.sha256(key.encode()).hexdigest()}.json")
    found: dict[str, object] = json.loads(raw or b"{}")
    return {name: value for name, value in found.items() if name != "sum"}


def save(storage: Storage, weight: int, *, key: str | None = None, attempt: int = 0) -> ModelVersion:
    """Save by a cold handle, as another process would."""
    return save_by(store_over(storage), weight, key=key, attempt=attempt)


def save_by(store: ModelStore, weight: int, *, key: str | None = None, attempt: int = 0) -> ModelVersion:
    """Save the next model of `m`: equal weights are equal bytes."""
    return store.save({"w": weight}, "m", format="pickle", metrics={"auc": weight / 10}, key=key, attempt=attempt)


def crash(storage: Storage, verb: FaultyVerb, part: str, act: Callable[[ModelStore], object]) -> None:
    """Let a cold handle act and die right after its first such operation."""

    def script(v: FaultyVerb, key: str, number: int) -> Fault | None:
        return Fault("crash_after") if v == verb and part in key else None

    with pytest.raises(SimulatedCrash):
        act(store_over(FaultyStorage(storage, script=script)))


def data_ids(storage: Storage, model: str = "m") -> set[str]:
    """The ids under which files lie, published or not."""
    prefix = f"models/{model}/data/"
    return {info.key.removeprefix(prefix).split("/", 1)[0] for info in storage.list(prefix)}
