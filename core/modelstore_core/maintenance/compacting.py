"""What of a model can be derived from its log: blocks, the index and segments. Held to the log, and written anew.

Nothing here decides anything: whatever is missing or wrong costs readers time and no more. So it may run beside every
writer, reader and collector, any number of times at once, and be killed at any moment.
"""

from dataclasses import dataclass

from modelstore_core.documents.commit import Commit
from modelstore_core.journal.log import Journal
from modelstore_core.model.upkeep import Maintained

__all__ = ["Flaw", "differences", "rebuild"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A derived object that is not what the log says.

    Attributes:
        key: Where it lies.
        problem: What is wrong with it, as the end of a sentence: "is missing", "is not what the log says".
    """

    key: str
    problem: str


def differences(journal: Journal, head: Commit) -> tuple[Flaw, ...]:
    """Every block, index and segment that is missing, damaged or not what the log up to the head says.

    Reads every block that is whole (and the commits of the others) and the segments that the index names. No index is
    no flaw, and neither is one that stops before the head: it is then held to the log up to where it stops.

    Raises:
        Corrupt: The log itself has a hole or is damaged.
    """
    raise NotImplementedError


def rebuild(journal: Journal, head: Commit) -> Maintained:
    """Write what `differences` finds missing or wrong, from the log alone, and the index up to the head.

    Raises:
        Corrupt: The log itself has a hole or is damaged.
    """
    raise NotImplementedError
