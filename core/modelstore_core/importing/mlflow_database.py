"""`mlflow.db`: MLflow's registry in SQLite, read without MLflow, and without writing to it.

Releases of MLflow differ in their columns. What is asked for are the columns that are there; tables that only later
releases have may be missing. Without the two that make a registry there is none.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from modelstore_core.errors import InvalidInput
from modelstore_core.importing.mlflow_registry import LoggedModel, Registered, RegisteredVersion, Run

__all__ = ["Database", "is_database"]

_MAGIC: Final = b"SQLite format 3\0"
_LARGEST_VALUE: Final = 16 << 20
_NEEDED: Final = {"registered_models": {"name"}, "model_versions": {"name", "version", "source"}}

Row = Mapping[str, object]


def is_database(path: Path) -> bool:
    """Whether the file begins as SQLite's do."""
    try:
        with path.open("rb") as file:
            return file.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


class Database:
    """A registry in a file of SQLite, opened for each question.

    Raises:
        InvalidInput: The file is no registry of MLflow's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as db:
            names = [str(row["name"]) for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            self._columns = {
                name: {str(row["name"]) for row in db.execute(f"PRAGMA table_info({_quoted(name)})")} for name in names
            }
        lacking = sorted(name for name, columns in _NEEDED.items() if not columns <= self._columns.get(name, set()))
        if lacking:
            raise InvalidInput(
                f"{str(path)!r} is no registry of MLflow's: it has no table {' and no table '.join(lacking)} as MLflow "
                "1.20 to 3 write it.",
                value=str(path),
                fix="Pass the file that `mlflow server --backend-store-uri sqlite:///…` names.",
            )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", uri=True)) as db:
                db.row_factory = sqlite3.Row
                db.text_factory = lambda data: data.decode("utf-8", "replace")
                db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE)
                db.execute("PRAGMA trusted_schema = OFF")
                yield db
        except sqlite3.Error as error:
            raise InvalidInput(
                f"{str(self._path)!r} cannot be read as a database of SQLite: {error}.",
                value=str(self._path),
                fix="Pass MLflow's mlflow.db, or a copy of it that was made while nothing wrote to it.",
            ) from error

    def _rows(self, table: str, **where: object) -> list[Row]:
        """The rows of a table in which these columns have these values; none of a table that is not there."""
        columns = self._columns.get(table, set())
        if not columns or not where.keys() <= columns:
            return []
        condition = " AND ".join(f"{_quoted(name)} = ?" for name in where) or "1"
        question = f"SELECT * FROM {_quoted(table)} WHERE {condition}"  # noqa: S608 -- names that the file itself has
        with self._opened() as db:
            return [dict(row) for row in db.execute(question, tuple(where.values()))]

    def models(self) -> Sequence[Registered]:
        """All registered models, by name; a name of another workspace than the default one is put behind it."""
        return [self._model(row) for row in sorted(self._rows("registered_models"), key=_name)]

    def _model(self, row: Row) -> Registered:
        owner = {"name": row["name"]} | ({"workspace": row["workspace"]} if "workspace" in row else {})
        versions = [self._version(one, owner) for one in self._rows("model_versions", **owner)]
        return Registered(
            name=_name(row),
            description=_text(row, "description"),
            tags=self._pairs("registered_model_tags", **owner),
            aliases={
                _text(one, "alias"): _number(one, "version") for one in self._rows("registered_model_aliases", **owner)
            },
            versions=sorted(versions, key=lambda one: one.number),
        )

    def _version(self, row: Row, owner: Row) -> RegisteredVersion:
        source = _text(row, "source")
        return RegisteredVersion(
            number=_number(row, "version"),
            created=_number(row, "creation_time"),
            description=_text(row, "description"),
            user=_text(row, "user_id"),
            stage=_text(row, "current_stage") or "None",
            status=_text(row, "status") or "READY",
            source=source,
            location=_text(row, "storage_location"),
            run_id=_text(row, "run_id"),
            model_id=source.removeprefix("models:/") if source.startswith("models:/m-") else "",
            tags=self._pairs("model_version_tags", **owner, version=row["version"]),
        )

    def run(self, run_id: str) -> Run | None:
        """The run, with the last value of each metric."""
        found = self._rows("runs", run_uuid=run_id)
        if not found:
            return None
        row = found[0]
        experiments = self._rows("experiments", experiment_id=row.get("experiment_id"))
        return Run(
            id=run_id,
            name=_text(row, "name"),
            user=_text(row, "user_id"),
            experiment_id=_text(row, "experiment_id"),
            experiment=_text(experiments[0], "name") if experiments else "",
            artifacts=_text(row, "artifact_uri"),
            metrics={_text(one, "key"): _metric(one, "value") for one in self._rows("latest_metrics", run_uuid=run_id)},
            params=self._pairs("params", run_uuid=run_id),
            tags=self._pairs("tags", run_uuid=run_id),
        )

    def logged(self, model_id: str) -> LoggedModel | None:
        """The logged model, with the last value of each metric."""
        found = self._rows("logged_models", model_id=model_id)
        if not found:
            return None
        metrics = sorted(
            self._rows("logged_model_metrics", model_id=model_id),
            key=lambda one: (_number(one, "metric_step"), _number(one, "metric_timestamp_ms")),
        )
        params = self._rows("logged_model_params", model_id=model_id)
        return LoggedModel(
            id=model_id,
            run_id=_text(found[0], "source_run_id"),
            location=_text(found[0], "artifact_location"),
            metrics={_text(one, "metric_name"): _metric(one, "metric_value") for one in metrics},
            params={_text(one, "param_key"): _text(one, "param_value") for one in params},
        )

    def _pairs(self, table: str, **where: object) -> dict[str, str]:
        return {_text(row, "key"): _text(row, "value") for row in self._rows(table, **where)}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _name(row: Row) -> str:
    workspace = _text(row, "workspace")
    return _text(row, "name") if workspace in {"", "default"} else f"{workspace}/{_text(row, 'name')}"


def _text(row: Row, column: str) -> str:
    """SQLite keeps any kind of value in any column."""
    value = row.get(column)
    return "" if value is None else str(value)


def _number(row: Row, column: str) -> int:
    try:
        return int(_text(row, column) or 0)
    except ValueError as error:
        raise InvalidInput(
            f"{_text(row, column)!r} stands where MLflow has a whole number.",
            value=_text(row, column),
            fix="Look at it.",
        ) from error


def _metric(row: Row, column: str) -> float:
    if row.get("is_nan"):
        return float("nan")
    try:
        return float(_text(row, column))
    except ValueError:
        return float("nan")
