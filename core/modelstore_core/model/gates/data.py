"""Gates from data, from what `promote` is given, and from MLflow's thresholds."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import TypeAlias

from modelstore_core.errors import InvalidInput
from modelstore_core.model.gates.approval import Approved
from modelstore_core.model.gates.metrics import AtLeast, AtMost, Improves
from modelstore_core.model.gates.recorded import CheckPassed, HasTag, MinAge, Proved
from modelstore_core.model.gates.sides import Gate, Rule, check_switch
from modelstore_core.model.gates.signatures import KeepsSignature
from modelstore_core.model.json import JsonObject

__all__ = ["GATES", "Gates", "checked_gates", "gate_of", "rules_of"]

AnyRule: TypeAlias = AtLeast | AtMost | Improves | KeepsSignature | HasTag | CheckPassed | Proved | MinAge | Approved

GATES: Mapping[str, type[AnyRule]] = {
    gate.kind: gate
    for gate in (AtLeast, AtMost, Improves, KeepsSignature, HasTag, CheckPassed, Proved, MinAge, Approved)
}
"""Every gate that is data, by the word it is stored under."""

Gates: TypeAlias = Sequence[Gate] | Mapping[str, object]
"""What `promote` and `protect` take: gates, or MLflow's `MetricThreshold` by the metric's name."""


def gate_of(data: object) -> AnyRule:
    """The gate that the data stand for: what `data()` of a gate gave.

    Raises:
        InvalidInput: It is no object, of an unknown kind, lacks a field, has one too many, or one of the wrong type.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("rule"), str):
        raise InvalidInput(
            f"{data!r} is no rule.", value=data, fix='Write {"rule": "at_least", "metric": "auc", "threshold": 0.9}.'
        )
    kind = data["rule"]
    gate = GATES.get(kind)
    if gate is None:
        import difflib  # for a mistake only

        near = difflib.get_close_matches(kind, GATES, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InvalidInput(f"There is no rule {kind!r}.", value=kind, fix=f"{hint}There are: {', '.join(GATES)}.")
    given = {str(name): value for name, value in data.items() if name != "rule"}
    known = {field.name: field for field in fields(gate)}
    extra, lacking = sorted(given.keys() - known.keys()), _lacking(gate, given)
    if extra or lacking:
        what = f"does not know {', '.join(extra)}" if extra else f"needs {', '.join(lacking)}"
        raise InvalidInput(
            f"The rule {kind!r} {what}.", value=dict(data), fix=f"Its fields: {', '.join(known) or 'none'}."
        )
    return gate(**given)  # each class checks its own fields


def _lacking(gate: type[AnyRule], given: Mapping[str, object]) -> list[str]:
    return [one.name for one in fields(gate) if one.default is MISSING and one.name not in given]


def checked_gates(gates: Gates) -> tuple[Gate, ...]:
    """The gates, MLflow's thresholds turned into gates.

    Raises:
        InvalidInput: One of them is neither.
    """
    if isinstance(gates, Mapping):
        return tuple(gate for metric, threshold in gates.items() for gate in _of_threshold(metric, threshold))
    listed: object = gates
    if isinstance(listed, str) or not isinstance(listed, Sequence):
        fix = "Pass a list of gates, such as [AtLeast('auc', 0.9)]."
        raise InvalidInput(f"gates={gates!r} is no list.", value=repr(gates), fix=fix)
    for gate in gates:
        if isinstance(gate, type) or not callable(getattr(gate, "judge", None)):
            raise InvalidInput(
                f"{gate!r} is no gate.", value=repr(gate), fix="Pass AtLeast(…), Improves(…) or the like."
            )
    return tuple(gates)


def rules_of(gates: Gates) -> tuple[JsonObject, ...]:
    """The gates as what is stored.

    Raises:
        InvalidInput: There are none, or one of them is not data.
    """
    checked = checked_gates(gates)
    if not checked:
        raise InvalidInput("No gates are given.", value=repr(gates), fix="`unprotect` takes the rules away.")
    for gate in checked:
        if type(gate) not in GATES.values():
            raise InvalidInput(
                f"{gate!r} cannot be stored: it is code, not data.",
                value=repr(gate),
                fix=f"Pass it to `promote(gates=…)`; stored are {', '.join(one.__name__ for one in GATES.values())}.",
            )
    return tuple(gate.data() for gate in checked if isinstance(gate, Rule))


def _of_threshold(metric: object, threshold: object) -> list[Gate]:
    """What MLflow's `validate_evaluation_results` would ask of the metric, as gates.

    Two things are not as there: where there is no version to compare with, comparisons pass, so that there can be a
    first one; and `min_relative_change=0.0` asks for strictly better.
    """
    wanted = ("threshold", "min_absolute_change", "min_relative_change", "greater_is_better")
    if not all(hasattr(threshold, name) for name in wanted):
        raise InvalidInput(
            f"{threshold!r} is no threshold for {metric!r}.",
            value=repr(threshold),
            fix="Pass a list of gates, or a mapping of metrics to MLflow's MetricThreshold(…).",
        )
    least, absolute, relative, greater = (getattr(threshold, name) for name in wanted)
    check_switch("MetricThreshold", "greater_is_better", greater)
    name: str = metric  # type: ignore[assignment]  # each gate checks it
    gates: list[Gate] = []
    if least is not None:
        gates.append(AtLeast(name, least) if greater else AtMost(name, least))
    if absolute is not None:
        gates.append(Improves(name, absolute, "max" if greater else "min"))
    if relative is not None:
        gates.append(Improves(name, relative, "max" if greater else "min", relative=True))
    return gates
