"""The library: models that say yes above a threshold."""

from typing import Any

import numpy as np


class Thresholds:
    """Answers whether each column of the rows is above its threshold."""

    def __init__(self, limits: dict[str, float]) -> None:
        self.limits = limits

    def predict(self, rows: Any) -> Any:
        """True or False for each row and column."""
        return np.column_stack([np.asarray(rows[name]) > limit for name, limit in self.limits.items()])
