"""What a benchmark asks of those it compares. Standard library only: it is imported in every peer's environment."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Place", "Subject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to save.

    Attributes:
        folder: A folder of this subject's own.
        bucket: A bucket, if it is to be saved to S3 and not to the folder.
        endpoint: The bucket's service; the credentials are in the environment.
    """

    folder: Path
    bucket: str = ""
    endpoint: str = ""


class Subject(ABC):
    """One way to keep a model. Made, imported and prepared before the clock starts."""

    def prepare(self, name: str, times: int) -> None:  # noqa: B027 -- most have nothing to prepare
        """Make ready to save or load that name so many times: whatever its users do not wait for at that moment."""

    @abstractmethod
    def save(self, model: object, name: str) -> object:
        """Keep the model as the newest of that name; done when it may be loaded from another process."""

    @abstractmethod
    def load(self, name: str) -> object:
        """Get the newest of that name, as it was given."""
