"""Which data folder belongs to which version, and which versions are still to be had: told commit by commit."""

from modelstore_core.model.operations import AddVersion, Condemn, Delete, Entry
from modelstore_core.registry.fold import Folded, fold
from modelstore_core.registry.view import View

__all__ = ["Holdings"]

_IDS = frozenset({"ids"})


class Holdings:
    """The fold of a whole log, from its commits and blocks alone; a later view costs only what came in between.

    Attributes:
        versions: Every version by number, without its annotations' content.
        condemned: The data ids that belong to no version and never will.
    """

    def __init__(self, view: View) -> None:
        self._start_anew()
        self.follow(view)

    def _start_anew(self) -> None:
        self._seq = 0
        self._owners: dict[str, int] = {}
        self._ended: dict[int, int] = {}
        self.versions: dict[int, Folded] = {}
        self.condemned: set[str] = set()

    def follow(self, view: View) -> None:
        """Take in what was committed up to the view."""
        if view.mark.seq < self._seq:  # a folder that was removed and made anew behind this process's back
            self._start_anew()
        entries = view.entries(self._seq + 1, _IDS)
        fold(entries, self.versions)
        for entry in entries:
            self._note(entry)
        self._seq = view.mark.seq

    def _note(self, entry: Entry) -> None:
        match entry.op:
            case AddVersion(number=number, data=data_id, supersedes=superseded):
                self._owners[data_id] = number
                if superseded is not None:
                    self._ended[superseded] = entry.seq
            case Delete(number=number):
                self._ended[number] = entry.seq
            case Condemn(ids=ids):
                self.condemned.update(ids)
            case _:
                pass

    def owner(self, data_id: str) -> Folded | None:
        """The version whose files lie under the id."""
        number = self._owners.get(data_id)
        return None if number is None else self.versions[number]

    def ended(self, number: int, view: View) -> int:
        """The newest commit since which the purgeable version could go: its own end, or else that of its model."""
        closed = view.state.closed
        return self._ended[number] if closed is None or self._over(number, view) else closed.seq

    def removable(self, data_id: str) -> bool:
        """Whether a commit allows the id's objects to be removed, for good."""
        owner = self.owner(data_id)
        return data_id in self.condemned if owner is None else owner.purged

    def condemnable(self, data_id: str) -> bool:
        """Whether the id is neither in a version's record nor condemned already."""
        return self.owner(data_id) is None and data_id not in self.condemned

    def purgeable(self, number: int, view: View) -> bool:
        """Whether the version is not to be had by name or alias any more, and not purged already."""
        return not self.versions[number].purged and (view.state.closed is not None or self._over(number, view))

    def _over(self, number: int, view: View) -> bool:
        return not (self.versions[number].live or view.aliases_of(number))
