"""Spark ML models as Spark's own folder: JSON that names the classes of the stages, and Parquet."""

import json
import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from modelstore_core.errors import Corrupt, NotSerializable
from modelstore_core.formats.missing import missing_library
from modelstore_core.formats.mlmodel import python_function
from modelstore_core.formats.objects import class_name, is_a, version_of
from modelstore_core.formats.protocol import Saved
from modelstore_core.formats.trust import Trust, refuse_shape

__all__ = ["SparkFormat"]

_DATA: Final = "sparkml"
# Spark loads a stage through a reader that only models of Spark have; these packages hold nothing else that has one.
_OWN: Final = re.compile(
    r"org\.apache\.spark\.ml\.(PipelineModel|(classification|clustering|feature|fpm|recommendation|regression)\.[A-Z]\w+)"
)
# SQL can call any method of any Java class.
_RUNS_SQL: Final = "org.apache.spark.ml.feature.SQLTransformer"


class SparkFormat:
    """`sparkml/` with MLflow's `spark` flavor. Spark draws the names of its files: no two saves are the same bytes."""

    name = "spark"

    def accepts(self, model: object) -> bool:
        """Whether the object is a fitted model or pipeline of `pyspark.ml`."""
        return is_a(model, "pyspark.ml.base.Model")

    def save(self, model: object, folder: Path) -> Saved:
        """Let Spark write the model; it must run on this machine, or share the folder.

        Raises:
            NotSerializable: Spark cannot write it, or wrote it on other machines.
        """
        fitted: Any = model
        target = folder / _DATA
        try:
            fitted.write().save(target.absolute().as_uri())
        except Exception as error:  # of Java's many kinds
            raise NotSerializable(
                f"Spark cannot write the {class_name(model)}: {error}.",
                value=class_name(model),
                fix="Every stage must have a `write`; see what Spark says.",
            ) from error
        for checksum in [*target.rglob(".*.crc"), *target.rglob("_SUCCESS")]:
            checksum.unlink()
        files = sorted(path.relative_to(folder).as_posix() for path in target.rglob("*") if path.is_file())
        if not files:
            raise NotSerializable(
                "Spark wrote the model elsewhere.",
                value=class_name(model),
                fix="Save from a driver in local mode, or set TMPDIR to a folder that all of the cluster sees.",
            )
        flavor: dict[str, object] = {"code": None, "model_data": _DATA, "pyspark_version": version_of("pyspark")}
        return Saved(
            loads=tuple(files),
            flavors={
                "spark": {**flavor, "model_class": class_name(model)},
                **python_function("mlflow.spark", data=_DATA),
            },
            packages=("pyspark",),
        )

    def load(self, folder: Path, loads: Sequence[str], trust: Trust) -> object:
        """Let Spark read the model, in the session there is, or a new local one.

        Raises:
            Untrusted: A stage is none of Spark's own, or runs SQL.
            MissingExtra: PySpark is not installed.
            Corrupt: The folder is none that Spark reads.
        """
        self.check(folder, loads, trust)
        kinds = _classes(folder, loads)
        outermost = min(kinds, key=len, default=None)
        if outermost is None:
            raise Corrupt(f"{_DATA!r} says of no class.", value=_DATA)
        module, _, name = kinds[outermost].replace("org.apache.spark", "pyspark").rpartition(".")
        try:
            sql, package = import_module("pyspark.sql"), import_module(module)
        except ModuleNotFoundError as error:
            raise missing_library(error.name or "pyspark", f"Loading {_DATA!r}") from error
        sql.SparkSession.builder.getOrCreate()
        try:
            return getattr(package, name).load((folder / _DATA).absolute().as_uri())
        except Exception as error:  # of Java's many kinds
            raise Corrupt(f"{_DATA!r} is no model that Spark reads: {error}.", value=_DATA) from error

    def check(self, folder: Path, loads: Sequence[str], trust: Trust) -> None:
        """Return only if every stage is of Spark's own classes, and none runs SQL; or if everything is trusted.

        Raises:
            Untrusted: One is not.
            Corrupt: Metadata name no class.
        """
        for name, kind in _classes(folder, loads).items():
            if trust.level != "full" and (not _OWN.fullmatch(kind) or kind == _RUNS_SQL):
                refuse_shape(repr(name), f"its class is {kind!r}, which can run code or is none of Spark's own")

    def model_params(self, model: object) -> Mapping[str, object]:
        """The parameters of each stage, without the ids that Spark draws at random."""
        fitted: Any = model
        stages = getattr(fitted, "stages", None)
        if stages is None:
            return {param.name: value for param, value in fitted.extractParamMap().items()}
        return {f"{place}_{type(stage).__name__}": dict(self.model_params(stage)) for place, stage in enumerate(stages)}


def _classes(folder: Path, loads: Sequence[str]) -> dict[str, str]:
    return {name: _class(folder / name) for name in loads if "/metadata/" in name}


def _class(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["class"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Corrupt(f"{path.name!r} names no class: {error}.", value=path.name) from error
