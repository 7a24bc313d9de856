"""The verb that takes in what other tools have stored."""

import os
from typing import TYPE_CHECKING, Protocol

from modelstore_core.errors import InvalidInput
from modelstore_core.storage.opening import Option
from modelstore_core.store.handle import Handle

# Most processes import nothing from elsewhere.
if TYPE_CHECKING:
    from modelstore_core.importing.carrying import Target
    from modelstore_core.model.imported import Imported, ImportKind

    class _Store(Target, Protocol):
        _handle: Handle


__all__ = ["Importing"]


class Importing:
    """How models of other tools get into a store."""

    _handle: Handle

    def import_from(
        self: "_Store",
        source: str | os.PathLike[str],
        *,
        kind: "ImportKind | None" = None,
        prefix: str = "",
        artifacts: str | os.PathLike[str] | None = None,
        dry_run: bool = False,
        **options: Option,
    ) -> "Imported":
        """Save every version that another tool has stored, and report what was kept and what could not be.

        Reads the source without changing it, unpickles nothing, and keeps the files byte for byte. Each version is
        saved on its own under a key made of what it is at its source: a second call finds the versions of the first and
        does nothing, and one that was killed is taken up. Numbers are those of the source if it has 1, 2, 3 … without a
        gap and the model is new here. Times and authors of the source are in each version's `lineage`.

        Args:
            source: A folder, file or URL: the folder in which the library modelstore has its `operatorai-model-store`;
                MLflow's `mlruns`, `mlflow.db` or the folder in which they lie; or a folder of model files.
            kind: "modelstore", "mlflow" or "files"; found out if left out.
            prefix: What the names of all models begin with, such as "legacy.".
            artifacts: The folder or URL below which MLflow's artifacts lie, if not beside the source. Nothing is read
                from anywhere else, whatever the source says.
            dry_run: Look at everything, and save nothing.
            options: The storage's, if `source` is a URL.

        Returns:
            What became of each version, and what else was not kept as it was.

        Raises:
            InvalidInput: The source is nothing that can be imported, or is damaged as a whole; nothing was saved.
            StorageMissing: There is no such source.
            MissingExtra: MLflow's files cannot be read without a YAML parser.
        """
        if not isinstance(prefix, str):
            raise InvalidInput(f"prefix={prefix!r} is not text.", value=prefix, fix="Pass text, such as 'legacy.'.")
        if not dry_run:
            self._handle.refuse_if_read_only()
        from modelstore_core.importing.carrying import carry
        from modelstore_core.importing.sources import plan_of

        plan = plan_of(source, kind=kind, prefix=prefix, artifacts=artifacts, options=options)
        return carry(self, plan, dry_run=dry_run)
