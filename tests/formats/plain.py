"""Objects that any process can import, without any framework."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Doubler", "Outer"]


@dataclass
class Doubler:
    """Not a scikit-learn estimator, but something that predicts."""

    factor: float = 2.0
    seen: list[str] = field(default_factory=list)

    def predict(self, rows: Any) -> Any:
        return np.asarray(rows)[:, 0] * self.factor


class Outer:
    """Holds a class that only a dotted name reaches."""

    class Inner:
        value = 3
