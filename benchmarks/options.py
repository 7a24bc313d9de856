"""How large a run is."""

from dataclasses import dataclass

__all__ = ["QUICK", "Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The sizes of a run, and who takes part.

    Attributes:
        mib: The large model's size.
        repeats: How often each step is run, in turn with the others; the least counts.
        times: How often one process does a small thing.
        patience: Seconds after which a contender's large step is not repeated.
        latency_ms: What is added to each request, where requests are counted.
        versions: How many versions a model has when its growth is measured.
        synthetic: The same for the one whose log is written straight into the storage.
        writers: How many processes save at a time.
        saves: How often each of them does.
        frameworks: Whether models of scikit-learn are saved where any file would do: its import takes seconds.
        peers: Whether the others take part.
    """

    mib: int = 1024
    repeats: int = 3
    times: int = 20
    patience: float = 90.0
    latency_ms: float = 20.0
    versions: tuple[int, ...] = (10, 1_000, 10_000)
    synthetic: int = 100_000
    writers: tuple[int, ...] = (1, 4, 8)
    saves: int = 50
    frameworks: bool = True
    peers: bool = True


QUICK = Options(mib=64, repeats=1, times=5, patience=10.0, versions=(10, 300), synthetic=2_000, saves=10)
