"""`mlruns/`: MLflow's registry and runs in folders of YAML and text, read without MLflow."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from modelstore_core.errors import InvalidInput
from modelstore_core.formats.yaml_text import parse_yaml
from modelstore_core.importing.mlflow_registry import LoggedModel, Registered, RegisteredVersion, Run
from modelstore_core.importing.places import Place

__all__ = ["FileStore", "is_file_store"]

_META = "meta.yaml"
_MODELS = "models"
_TRASH = ".trash"


def is_file_store(place: Place, root: str) -> bool:
    """Whether MLflow has kept something below the root: registered models, or experiments."""
    if any(info.key.endswith(f"/{_META}") for info in place.list(f"{root}{_MODELS}/")):
        return True
    return place.kind(f"{root}0/{_META}") == "file"


class FileStore:
    """A registry below a root of a place, listed once.

    Args:
        place: Where it is.
        root: The folder with `models/` and the experiments, as a prefix.
    """

    def __init__(self, place: Place, root: str) -> None:
        self._place = place
        self._root = root

    @cached_property
    def _registry(self) -> dict[str, list[str]]:
        """Registered model → its files below its folder."""
        found: dict[str, list[str]] = defaultdict(list)
        start = f"{self._root}{_MODELS}/"
        for info in self._place.list(start):
            name, slash, rest = info.key.removeprefix(start).partition("/")
            if slash:
                found[name].append(rest)
        return found

    @cached_property
    def _homes(self) -> dict[str, list[str]]:
        """Run, or logged model → the files below its folder, artifacts apart; with the folder itself first."""
        found: dict[str, list[str]] = {}
        for info in self._place.list(self._root):
            experiment, *parts = info.key.removeprefix(self._root).removeprefix(f"{_TRASH}/").split("/")
            if experiment == _MODELS or "artifacts" in parts[:3] or not parts:
                continue
            depth = 2 if parts[0] == _MODELS else 1
            home = "/".join((info.key[: -len("/".join(parts))].rstrip("/"), *parts[:depth]))
            if len(parts) > depth:
                found.setdefault(parts[depth - 1], [home]).append("/".join(parts[depth:]))
        return found

    def models(self) -> Sequence[Registered]:
        """All registered models, by name."""
        return [self._model(name, sorted(files)) for name, files in sorted(self._registry.items()) if _META in files]

    def _model(self, folder: str, files: Sequence[str]) -> Registered:
        home = f"{self._root}{_MODELS}/{folder}"
        meta = self._yaml(f"{home}/{_META}")
        numbers = sorted({int(number) for one in files if (number := _version_number(one)) is not None})
        return Registered(
            name=_text(meta, "name") or folder,
            description=_text(meta, "description"),
            tags=dict(self._values(home, files, "tags/")),
            aliases=dict(self._aliases(home, files)),
            versions=[self._version(f"{home}/version-{number}", number, files) for number in numbers],
        )

    def _version(self, home: str, number: int, files: Sequence[str]) -> RegisteredVersion:
        meta = self._yaml(f"{home}/{_META}")
        mine = f"version-{number}/"
        source = _text(meta, "source")
        logged = source.removeprefix("models:/") if source.startswith("models:/m-") else ""
        return RegisteredVersion(
            number=number,
            created=_number(meta, "creation_timestamp"),
            description=_text(meta, "description"),
            user=_text(meta, "user_id"),
            stage=_text(meta, "current_stage") or "None",
            status=_text(meta, "status") or "READY",
            source=source,
            location=_text(meta, "storage_location"),
            run_id=_text(meta, "run_id"),
            model_id=_text(meta, "model_id") or logged,
            tags=dict(self._values(home, [one.removeprefix(mine) for one in files if one.startswith(mine)], "tags/")),
        )

    def run(self, run_id: str) -> Run | None:
        """The run, deleted or not, with the last value of each metric."""
        home, *files = self._homes.get(run_id, [""])
        if _META not in files:
            return None
        meta = self._yaml(f"{home}/{_META}")
        experiment = self._yaml(f"{home.rpartition('/')[0]}/{_META}", needed=False)
        tags = dict(self._values(home, files, "tags/"))
        return Run(
            id=run_id,
            name=_text(meta, "run_name") or tags.get("mlflow.runName", ""),
            user=_text(meta, "user_id"),
            experiment_id=_text(meta, "experiment_id"),
            experiment=_text(experiment, "name"),
            artifacts=_text(meta, "artifact_uri"),
            metrics=dict(self._metrics(home, files)),
            params=dict(self._values(home, files, "params/")),
            tags=tags,
        )

    def logged(self, model_id: str) -> LoggedModel | None:
        """The logged model, with the last value of each metric."""
        home, *files = self._homes.get(model_id, [""])
        if _META not in files:
            return None
        meta = self._yaml(f"{home}/{_META}")
        return LoggedModel(
            id=model_id,
            run_id=_text(meta, "source_run_id"),
            location=_text(meta, "artifact_location"),
            metrics=dict(self._metrics(home, files)),
            params=dict(self._values(home, files, "params/")),
        )

    def _aliases(self, home: str, files: Sequence[str]) -> Iterator[tuple[str, int]]:
        for alias, text in self._values(home, files, "aliases/"):
            with suppress(ValueError):
                yield alias, int(text)

    def _values(self, home: str, files: Sequence[str], below: str) -> Iterator[tuple[str, str]]:
        for one in files:
            if one.startswith(below):
                body = self._place.read(f"{home}/{one}") or b""
                yield one.removeprefix(below), body.decode("utf-8", "replace").removesuffix("\n")

    def _metrics(self, home: str, files: Sequence[str]) -> Iterator[tuple[str, float]]:
        """The value of the last step of each metric; of several the latest."""
        for name, text in self._values(home, files, "metrics/"):
            points = [point for line in text.splitlines() if (point := _point(line)) is not None]
            if points:
                yield name, max(points, key=lambda point: point[:2])[2]

    def _yaml(self, key: str, *, needed: bool = True) -> Mapping[str, object]:
        body = self._place.read(key)
        document = None if body is None else parse_yaml(body.decode("utf-8", "replace"), key)
        if isinstance(document, Mapping):
            return document
        if needed:
            raise InvalidInput(
                f"{key!r} in {self._place.url} is no document of MLflow's.", value=key, fix="Look at it."
            )
        return {}


def _version_number(file: str) -> int | None:
    folder, slash, name = file.partition("/")
    number = folder.removeprefix("version-")
    return (
        int(number) if slash and name == _META and folder != number and number.isascii() and number.isdigit() else None
    )


def _point(line: str) -> tuple[int, int, float] | None:
    """Step, time and value of a line "time value [step]", which may go on with a data set's name."""
    words = line.split()
    try:
        return int(words[2]) if len(words) > 2 else 0, int(words[0]), float(words[1])  # noqa: PLR2004 -- as they stand
    except (ValueError, IndexError):
        return None


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    return "" if value is None else str(value)


def _number(document: Mapping[str, object], key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) else 0
