"""What a check of one model has found so far, and what of it could be mended."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from modelstore_core.model.findings import Problem

__all__ = ["RESTORE", "Findings", "once"]

_MOST = 1000  # of one model: who lost a bucket needs no list of all that was in it

RESTORE = "Put it back, byte for byte, from a backup or another copy of the store."


@dataclass(slots=True)
class Findings:
    """The problems of one model, in the order of their finding.

    Attributes:
        model: The model's name, as far as it is known.
        left_out: How many problems there were beyond the first thousand.
    """

    model: str
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    _cures: dict[int, Callable[[], object]] = field(default_factory=dict)

    @property
    def damaged(self) -> bool:
        """Whether something is found that nothing in the store brings back."""
        return any(problem.severity == "damage" for problem in self.problems)

    @property
    def full(self) -> bool:
        """Whether problems are only counted from here on."""
        return len(self.problems) >= _MOST

    def damage(self, key: str, what: str, fix: str = RESTORE) -> None:
        """Note what cannot be mended from here."""
        self._add(Problem(model=self.model, severity="damage", key=key, what=what, fix=fix))

    def note(self, key: str, what: str, fix: str = "") -> None:
        """Note what is worth knowing."""
        self._add(Problem(model=self.model, severity="note", key=key, what=what, fix=fix))

    def repairable(self, key: str, what: str, cure: Callable[[], object]) -> None:
        """Note what follows from the log, and how to write it anew."""
        fix = "Nothing depends on it but speed; `verify(repair=True)` (`mstore verify --repair`) writes it anew."
        self._cures[len(self.problems)] = cure
        self._add(Problem(model=self.model, severity="repairable", key=key, what=what, fix=fix))

    def mend(self) -> None:
        """Write anew all that follows from the log, if the log itself is sound: else nothing is known to follow.

        Raises:
            StorageError: Something could not be written; what was repaired before stays repaired.
        """
        if self.damaged:
            return
        for index, cure in self._cures.items():
            cure()
            self.problems[index] = replace(self.problems[index], repaired=True)
        self._cures.clear()

    def _add(self, problem: Problem) -> None:
        if not self.full or (problem.severity == "damage" and not self.damaged):
            self.problems.append(problem)
        else:
            self._cures.pop(len(self.problems), None)
            self.left_out += 1


def once(cure: Callable[[], object]) -> Callable[[], object]:
    """A cure of several problems, carried out for the first of them."""
    done: list[object] = []

    def cured() -> None:
        if not done:
            done.append(cure())

    return cured
