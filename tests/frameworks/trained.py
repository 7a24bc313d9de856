"""A module of Lightning that any process can import."""

from typing import Any

import lightning
import torch

__all__ = ["Regression"]


class Regression(lightning.LightningModule):  # type: ignore[misc] # not where types are checked
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 1)

    def forward(self, rows: Any) -> Any:
        return self.layer(rows)

    def training_step(self, batch: Any, index: int) -> Any:
        rows, target = batch
        return torch.nn.functional.mse_loss(self(rows), target)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)
