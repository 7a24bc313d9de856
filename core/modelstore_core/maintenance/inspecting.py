"""One model, looked at as a whole: its log first, and then everything that must agree with it."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from modelstore_core.documents.canonical import parse, unsealed
from modelstore_core.documents.commit import BLOCK, Commit, read_commit
from modelstore_core.documents.sidecars import (
    Claim,
    Hashed,
    Mark,
    read_claim,
    read_hint,
    write_block,
    write_claim,
    write_hint,
)
from modelstore_core.errors import ModelStoreError
from modelstore_core.journal.log import Journal, hint_key
from modelstore_core.maintenance.compacting import differences, rebuild
from modelstore_core.maintenance.findings import Findings, once
from modelstore_core.maintenance.reciting import Recital
from modelstore_core.model.names import folder_of
from modelstore_core.ports import Ports
from modelstore_core.storage.protocol import ObjectInfo, Storage

__all__ = ["Inspection", "Request"]

_AT_ONCE = 64
_FAR = 1000
_SEQ = re.compile(r"log/(\d{20})\.json")
_RANGE = re.compile(r"blocks/(\d{20})-(\d{20})\.json")
_CLAIM = re.compile(r"keys/([0-9a-f]{64})\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be verified, and how.

    Attributes:
        name: The model; every model if None.
        share: (n, t): the files of the n-th of t shares are read; (0, 1) reads none, (1, 1) all.
        repair: Whether to write anew what follows from the log.
        remembered: The sha256 that one of the model's commits must have, if any.
        patience: Seconds that one step of a repair may take under errors.
    """

    name: str | None
    share: tuple[int, int]
    repair: bool
    remembered: str | None
    patience: float


class Inspection:
    """A model's log and what lies beside it; `run` looks at all but the files, which `Comparison` does.

    The hint is read before the log is listed, and the log before the files are: what others write meanwhile is
    then never taken for a loss.
    """

    def __init__(self, storage: Storage, ports: Ports, folder: str, request: Request) -> None:
        name = request.name
        self.folder = folder
        self.root = f"models/{folder}"
        self.name = name
        self.findings = Findings(name or folder)
        self.recital = Recital(storage, folder, self.findings, request.remembered)
        self.last = 0
        self._storage = storage
        self._ports = ports
        self._patience = request.patience

    def run(self) -> None:
        """Look at the hint, the log, the blocks and the claims."""
        hint = self._storage.get(hint_key(self.folder))
        self._learn_name(hint)
        kinds = ("log", "blocks", "keys", "segments")
        log, blocks, claims, segments = self._storage.together([partial(self._listed, kind) for kind in kinds])
        self.last = self._last(sorted(int(m[1]) for m in self._matches(_SEQ, log)))
        self._read_log({(int(m[1]), int(m[2])) for m in self._matches(_RANGE, blocks)})
        self._check_name()
        if not self.recital.met:
            what = "No commit of the log has the sha256 that was remembered."
            fix = "What was history then has been rewritten, or cut off: compare with another copy of the store."
            self.findings.damage(f"{self.root}/log/", what, fix)
        self._check_hint(hint)
        self._check_claims([m[1] for m in self._matches(_CLAIM, claims)])
        if segments and self.recital.head is not None and not self.findings.damaged:
            self._check_listing(self.recital.head)

    def _last(self, seqs: Sequence[int]) -> int:
        """The last commit of the log; one far beyond the others has lost its way there, and is not looked for."""
        last = 0
        for seq in seqs:
            if seq == 0:
                self.findings.note(self.recital.key(0), "No commit is the 0th.", "It is left alone and ignored.")
            elif seq - last > _FAR:
                what = f"log/{seq} stands by itself: there are no commits from {last + 1} to {seq - 1}."
                self.findings.damage(self.recital.key(seq), what)
                break
            else:
                last = seq
        return last

    def _learn_name(self, hint: bytes | None) -> None:
        found = read_hint(hint)
        if self.name is None and found is not None and folder_of(found[0]) == self.folder:
            self.name = self.findings.model = found[0]

    def _check_name(self) -> None:
        head = self.recital.head
        if head is not None and self.name is None:
            self.name = self.findings.model = head.model

    def _listed(self, kind: str) -> Sequence[ObjectInfo]:
        return [*self._storage.list(f"{self.root}/{kind}/")]

    def _matches(self, pattern: re.Pattern[str], infos: Iterable[ObjectInfo]) -> list[re.Match[str]]:
        found = (pattern.fullmatch(info.key.removeprefix(f"{self.root}/")) for info in infos)
        return [match for match in found if match]

    def _read_log(self, blocks: set[tuple[int, int]]) -> None:
        for end, rows in self.recital.read(self.last):
            first = end - BLOCK + 1
            listed = (first, end) in blocks
            blocks.discard((first, end))
            if len(rows) == BLOCK and (listed or end < self.last):
                self._check_block(first, end, rows)
        for first, end in sorted(blocks):
            if end > self.last:
                key = self._block_key(first, end)
                what = f"A block of commits up to {end}, where the log ends at {self.last}."
                self.findings.damage(key, what, "The end of the log is lost: copy it again from where it came.")

    def _block_key(self, first: int, last: int) -> str:
        return f"{self.root}/blocks/{first:020}-{last:020}.json"

    def _check_block(self, first: int, last: int, rows: Sequence[Hashed]) -> None:
        model = self.recital.head.model if self.recital.head else ""
        key, body = self._block_key(first, last), write_block(model, rows)
        found = self._storage.get(key)
        if found in (body, unsealed(body)):
            return
        what = f"The block of commits {first} to {last} is {'missing' if found is None else 'not what the log says'}."
        self.findings.repairable(key, what, partial(self._storage.put, key, body))

    def _check_hint(self, raw: bytes | None) -> None:
        found, head, key = read_hint(raw), self.recital.head, hint_key(self.folder)
        mark = None if found is None or found[0] != self.name else found[1]
        if mark is not None and mark.seq > self.last:
            self._check_lead(key, "hint", mark)
            return
        if head is None:
            return
        problem = ""
        if mark is None:
            problem = "missing, so that listings leave the model out" if raw is None else "damaged"
        elif self.recital.ledger.op_ids[mark.seq] not in ("", mark.op_id):
            problem = f"about another commit than log/{mark.seq}"
        if problem:
            newest = Mark(seq=head.seq, op_id=head.entry.op_id)
            body = write_hint(head.model, newest, self._ports.token())
            self.findings.repairable(key, f"The hint is {problem}.", partial(self._storage.put, key, body))

    def _check_lead(self, key: str, what: str, mark: Mark) -> None:
        """An object that names a commit after the last: written since the log was listed, or else that is lost."""
        if self._storage.get(self.recital.key(mark.seq)) is None:
            said = f"The {what} names log/{mark.seq}, but the log ends at {self.last}."
            fix = (
                "Only what was committed is ever named: the end of the log is lost, or was not copied. Copy it again "
                "from where it came. If there is nothing to copy, changes of the model put the hint right."
            )
            self.findings.damage(key, said, fix)

    def _check_listing(self, head: Commit) -> None:
        """Hold the index and its segments to the log, which is sound so far."""
        journal = Journal(self._storage, head.model, self._ports, self._patience)
        # What is wrong at first may only have been written anew meanwhile, for a later commit.
        if differences(journal, head) and (newest := journal.newest(head)) is not None:
            index = journal.segments.known
            if index is not None and index.seq > newest.seq:
                self._check_lead(journal.segments.index_key, "index", Mark(seq=index.seq, op_id=index.op_id))
            cure = once(partial(rebuild, journal, newest))
            for flaw in differences(journal, newest):
                self.findings.repairable(flaw.key, f"The listing {flaw.problem}.", cure)

    def _check_claims(self, names: Sequence[str]) -> None:
        ledger = self.recital.ledger
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            raws = self._storage.together([partial(self._storage.get, self._claim_key(name)) for name in some])
            for name, raw in zip(some, raws, strict=True):
                self._check_claim(name, raw)
        claimed = set(map(bytes.fromhex, names))
        for digest, seq in ledger.keys.items():
            if digest not in claimed and ledger.whole:
                what = f"The claim of the key of log/{seq} is missing: a retry with that key could do its work twice."
                self._reclaim(digest.hex(), seq, what, self._storage.create)

    def _check_claim(self, name: str, raw: bytes | None) -> None:
        key, ledger = self._claim_key(name), self.recital.ledger
        claim = None if raw is None or _key_of(raw) != name else read_claim(raw)
        mark = None if claim is None else claim.mark
        seq = ledger.keys.get(bytes.fromhex(name))
        if mark is None:
            if seq is None:
                self.findings.note(key, "A damaged claim of a key that no commit has.", "It costs a look at the log.")
            else:
                self._reclaim(name, seq, "The claim is damaged.", self._storage.put)
        elif mark.seq > self.last:
            self._check_lead(key, "claim", mark)
        elif ledger.op_ids[mark.seq] not in ("", mark.op_id):
            self.findings.note(key, f"The claim is not of log/{mark.seq}, so it counts for nothing.")
        elif seq is not None and seq <= mark.seq:
            what = f"The claim says that its key is in no commit up to {mark.seq}, and log/{seq} has it."
            self._reclaim(name, seq, what, self._storage.put)

    def _reclaim(self, name: str, seq: int, what: str, write: Callable[[str, bytes], object]) -> None:
        """A claim that follows from the log: the commit before the first that has the key is the newest without it."""
        key = self._claim_key(name)

        def cure() -> None:
            raw = self._storage.get(self.recital.key(seq))
            claimed = None if raw is None else read_commit(raw, f"log/{seq}").entry.key
            if claimed is not None:
                mark = Mark(seq=seq - 1, op_id=self.recital.ledger.op_ids[seq - 1])
                write(key, write_claim(claimed, Claim(mark=mark, data_id="")))

        self.findings.repairable(key, what, cure)

    def _claim_key(self, name: str) -> str:
        return f"{self.root}/keys/{name}.json"


def _key_of(raw: bytes) -> str:
    """The sha256 of the key that a claim is of; "" if it is no claim."""
    try:
        return hashlib.sha256(str(parse(raw, "claim").get("key")).encode(errors="replace")).hexdigest()
    except ModelStoreError:
        return ""
