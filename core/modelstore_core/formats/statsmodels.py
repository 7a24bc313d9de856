"""statsmodels results: a pickle, as its own `save` and MLflow make it.

Results of a formula evaluate the formula's text when they are unpickled, and the class that does so is in every
result: so no name of statsmodels is on the list that `trust="listed"` ships with. A reader who trusts the writers of
a store lists the names that the refusal prints.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from modelstore_core.formats import pickles
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust

__all__ = ["StatsmodelsFormat"]

_FILE: Final = "model.statsmodels"


class StatsmodelsFormat:
    """`model.statsmodels` with MLflow's `statsmodels` flavor."""

    name = "statsmodels"

    def accepts(self, model: object) -> bool:
        """Whether the object is the result of a fit, wrapped or not."""
        return is_a(model, "statsmodels.base.model.Results", "statsmodels.base.wrapper.ResultsWrapper")

    def save(self, model: object, folder: Path) -> Saved:
        """Stream the result into `model.statsmodels`.

        Raises:
            NotSerializable: It cannot be pickled; the message names the part.
        """
        pickles.dump(model, folder / _FILE)
        flavor: dict[str, object] = {
            "code": None,
            "data": _FILE,
            "statsmodels_version": version_of("statsmodels"),
        }
        flavors = {"statsmodels": flavor, **python_function("mlflow.statsmodels", data=_FILE)}
        return Saved(loads=(_FILE,), flavors=flavors, pickles=(_FILE,), packages=("statsmodels",))

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Unpickle the result under the policy.

        Raises:
            Untrusted: The policy says no; nothing was constructed.
            MissingExtra: statsmodels is missing, or of a version that does not fit.
        """
        return pickles.load(folder / loads[0], trust)

    def model_params(self, model: object) -> Mapping[str, object]:
        """What the fit found, by the regressors' names if it was made of a frame."""
        # attributes only: properties of results and their data keep what they compute, and change the pickle
        result: Any = vars(model).get("_results", model)
        found = vars(result)["params"]
        frame = getattr(getattr(result.model, "data", None), "orig_exog", None)
        names = [*getattr(frame, "columns", ())]
        return dict(zip(names, found, strict=True)) if len(names) == len(found) else {"params": found}
