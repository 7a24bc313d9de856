"""Gates: rules that a promotion must pass, judged on what is known of both sides. Pure values, most of them data."""

from modelstore_core.model.gates.approval import Approved
from modelstore_core.model.gates.data import Gates, checked_gates, gate_of, rules_of
from modelstore_core.model.gates.metrics import AtLeast, AtMost, Improves
from modelstore_core.model.gates.recorded import CheckPassed, HasTag, MinAge, Proved
from modelstore_core.model.gates.sides import Gate, Rule, Side
from modelstore_core.model.gates.signatures import KeepsSignature

__all__ = [
    "Approved",
    "AtLeast",
    "AtMost",
    "CheckPassed",
    "Gate",
    "Gates",
    "HasTag",
    "Improves",
    "KeepsSignature",
    "MinAge",
    "Proved",
    "Rule",
    "Side",
    "checked_gates",
    "gate_of",
    "rules_of",
]
