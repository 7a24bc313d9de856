"""A model with a long history, written straight into a storage: a log of 100,000 versions in seconds.

As in

    storage = MemoryStorage("a-name-of-its-own")
    fill(storage, "m", 100_000, annotate=10, promote=100)
    store_over(storage).versions("m", limit=100)

Every byte of the log and its blocks is the one that a store would have written for these operations. The files of the
versions are not there: they can be listed, searched and promoted, but only a version that a store saves afterwards
can be loaded.
"""

import hashlib
from collections.abc import Callable

from modelstore_core.documents.canonical import encode, seal
from modelstore_core.documents.commit import BLOCK, FORMAT, write_state
from modelstore_core.documents.entries import MAX_SUMMARY, summarize, write_entry
from modelstore_core.documents.sidecars import Mark, write_hint
from modelstore_core.model.digest import FileEntry, digest_of
from modelstore_core.model.names import check_name, folder_of
from modelstore_core.model.operations import AddVersion, Annotate, Delete, Entry, Move, Operation, SetAlias, Verb
from modelstore_core.model.state import Pointer, State
from modelstore_core.registry.transitions import after
from modelstore_core.storage.protocol import Storage

__all__ = ["fill", "plain_version"]

_TIME = "2026-01-01T00:00:00.000000Z"


def plain_version(number: int) -> AddVersion:
    """A small record: one file, two metrics, a param and a tag, all of them made from the number."""
    file = FileEntry(path="model.bin", size=1000 + number, sha256=f"{number:064x}")
    return AddVersion(
        number=number,
        data=f"{number:032x}",
        digest=digest_of([file]),
        size=file.size,
        format="file",
        files=(file,),
        loads=("model.bin",),
        metrics={"auc": number % 997 / 997, "loss": 1 / number},
        params={"depth": number % 13},
        tags={"team": f"team-{number % 7}"},
    )


def fill(  # noqa: PLR0913 -- keyword-only, one a kind of commit
    storage: Storage,
    model: str,
    versions: int,
    *,
    record: Callable[[int], AddVersion] = plain_version,
    annotate: int = 0,
    promote: int = 0,
    delete: int = 0,
    whole: bool = True,
) -> int:
    """Write the log of a model that is not there yet; how many commits it has.

    Args:
        storage: Where to.
        model: The model's name.
        versions: How many versions to save.
        record: What is recorded of the version of this number.
        annotate: After every so many saves the version half-way back is annotated; 0 for never.
        promote: After every so many saves the newest version becomes `champion`.
        delete: After every so many saves the version before the newest is deleted, unless it is the champion.
        whole: False leaves out the commits that blocks hold, but for the first: a twentieth of the bytes, to count
            requests on a log that is long; it is no sound store then.
    """
    filler = _Filler(storage, check_name(model), whole=whole)
    for number in range(1, versions + 1):
        filler.save(record(number))
        if annotate and number % annotate == 0:
            filler.annotate((number + 1) // 2, number)
        if promote and number % promote == 0:
            filler.promote(number)
        if delete and number % delete == 0:
            filler.delete(number - 1)
    filler.announce()
    return filler.seq


class _Filler:
    """A log in the making."""

    def __init__(self, storage: Storage, model: str, *, whole: bool) -> None:
        self.seq = 0
        self._storage = storage
        self._model = model
        self._name = encode({"": model})[len(b'{"":') : -len(b"}\n")]
        self._folder = folder_of(model)
        self._whole = whole
        self._state = State()
        self._pointers: dict[int, Pointer] = {}
        self._op_id = ""
        self._prev = b"null"
        self._recent: list[bytes] = []
        self._rows: list[bytes] = []

    def save(self, version: AddVersion) -> None:
        """Add a version."""
        seq = self.seq + 1
        self._pointers[version.number] = Pointer(number=version.number, record=seq)
        self._append("save", version, after(self._state, seq, version))

    def annotate(self, number: int, step: int) -> None:
        """Change what is said of a version, unless it is deleted."""
        pointer, seq = self._pointers.get(number), self.seq + 1
        if pointer is None:
            return
        tags, metrics = {"checked": f"at {step}"}, {"checks": step}
        op = Annotate(
            number=number,
            record=pointer.record,
            delta={"metrics": {**metrics}, "tags": {**tags}},
            metrics=metrics,
            tags=tags,
        )
        self._pointers[number] = Pointer(number=number, record=pointer.record, annotated=seq)
        self._append("annotate", op, after(self._state, seq, op))

    def promote(self, number: int) -> None:
        """Point `champion` to a version."""
        current, target = self._state.aliases.get("champion"), self._pointers[number]
        previous, back = (None, None) if current is None else (current.target.number, current.set)
        move = Move(alias="champion", number=number, previous=previous, back=back)
        op = SetAlias(move=move, record=target.record)
        self._append("promote", op, after(self._state, self.seq + 1, op, target=target))

    def delete(self, number: int) -> None:
        """Delete a version that is neither the newest nor the champion."""
        champion = self._state.aliases.get("champion")
        if number in self._pointers and (champion is None or champion.target.number != number):
            op = Delete(number=number, record=self._pointers.pop(number).record)
            self._append("delete", op, after(self._state, self.seq + 1, op))

    def announce(self) -> None:
        """Put the hint."""
        mark = Mark(seq=self.seq, op_id=self._op_id)
        self._storage.put(f"heads/{self._folder}.json", write_hint(self._model, mark, self._op_id))

    def _append(self, verb: Verb, op: Operation, state: State) -> None:
        """Put the next commit together from its parts, keys in order, and the block before it where one is due."""
        if self.seq and self.seq % BLOCK == 0:
            self._write_block()
        self.seq += 1
        self._state = state
        self._op_id = hashlib.sha256(f"{self._model} {self.seq}".encode()).hexdigest()[:32]
        entry = Entry(seq=self.seq, op_id=self._op_id, verb=verb, actor="filler", time=_TIME, op=op)
        document = write_entry(entry)
        raw = encode(document)[:-1]
        body = seal(
            b'{"entry":%b,"format":%d,"model":%b,"prev":%b,"recent":[%b],"state":%b}\n'
            % (raw, FORMAT, self._name, self._prev, b",".join(self._recent), encode(write_state(state))[:-1])
        )
        sha256 = hashlib.sha256(body).hexdigest().encode()
        if self._whole or self.seq == 1 or self.seq % BLOCK:
            self._storage.put(f"models/{self._folder}/log/{self.seq:020}.json", body)
        place = raw.rindex(b'"time":')
        self._rows.append(b'%b"sha256":"%b",%b' % (raw[:place], sha256, raw[place:]))
        self._prev = b'"%b"' % sha256
        self._recent.append(raw if len(raw) < MAX_SUMMARY else encode(summarize(document))[:-1])

    def _write_block(self) -> None:
        first = self.seq - BLOCK + 1
        body = seal(b'{"entries":[%b],"format":%d,"model":%b}\n' % (b",".join(self._rows), FORMAT, self._name))
        root = f"models/{self._folder}"
        self._storage.put(f"{root}/blocks/{first:020}-{self.seq:020}.json", body)
        if not self._whole:
            self._storage.delete(f"{root}/log/{seq:020}.json" for seq in range(max(first, 2), self.seq + 1))
        self._rows.clear()
        self._recent.clear()
