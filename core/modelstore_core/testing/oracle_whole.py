"""What it means for a model as a whole to be described, deleted, brought back and renamed; dicts, like the oracle."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from modelstore_core.errors import ModelDeleted, ModelExists, ModelMoved, ModelNotFound
from modelstore_core.testing.facts import Facts, Happening, Said, Summary
from modelstore_core.testing.oracle import Oracle
from modelstore_core.testing.oracle_model import Model

__all__ = ["WholeOracle"]


@dataclass(slots=True)
class _Whole:
    """What is said of a model, whether it is deleted, the name it has since, and where the feed of changes begins."""

    said: Said = field(default_factory=Said)
    deleted: bool = False
    to: str | None = None
    told_from: int = 0
    keys: set[tuple[str, str]] = field(default_factory=set)


class WholeOracle(Oracle):
    """An oracle whose models can be taken away as a whole."""

    def __init__(self) -> None:
        super().__init__()
        self._wholes: dict[str, _Whole] = {}

    def save(
        self,
        name: str,
        digest: str,
        *,
        metrics: Mapping[str, float | int] | None = None,
        aliases: Sequence[str] = (),
        key: str | None = None,
        attempt: int = 0,
    ) -> Facts:
        """Add a version to a model that is to be had, or to a new one."""
        if name in self._models:
            self._model(name)
        return super().save(name, digest, metrics=metrics, aliases=aliases, key=key, attempt=attempt)

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, str | None] | None = None,
        owner: str | None = None,
        key: str | None = None,
    ) -> Said:
        """Change what is said of a model."""
        model, whole = self._model(name), self._whole(name)
        if self._again(whole, "describe", key):
            return whole.said
        now = whole.said
        merged = {k: v for k, v in {**now.tags, **(tags or {})}.items() if v is not None}
        said = Said(
            description=now.description if description is None else description,
            tags=merged,
            owner=now.owner if owner is None else owner,
        )
        if said != now:
            whole.said = said
            self._did(model, whole, "describe", key)
            model.happened("model.described", None)
        return whole.said

    def delete_model(self, name: str, *, key: str | None = None) -> bool:
        """Take a model away; whether it is deleted now."""
        model, whole = self._there(name), self._whole(name)
        if not (whole.deleted or self._again(whole, "delete_model", key)):
            whole.deleted = True
            self._did(model, whole, "delete_model", key)
            model.happened("model.deleted", None)
        return whole.deleted

    def restore_model(self, name: str, *, key: str | None = None) -> bool:
        """Bring a model back; whether it is deleted now."""
        model, whole = self._there(name), self._whole(name)
        if whole.deleted and not self._again(whole, "restore_model", key):
            whole.deleted = False
            self._did(model, whole, "restore_model", key)
            model.happened("model.restored", None)
        return whole.deleted

    def rename(self, old: str, new: str) -> Summary:
        """Give a model another name."""
        if self._whole(old).to != new:
            model, whole = self._model(old), self._whole(old)
            if new in self._models:
                raise ModelExists(f"{new} is taken", value=new)
            self._models[new] = deepcopy(model)
            self._wholes[new] = _Whole(said=whole.said, told_from=model.seq + 1, keys=set(whole.keys))
            whole.to = new
            for name in (old, new):
                self._models[name].seq += 1
            model.happened("model.moved", None)
            self._models[new].happened("model.arrived", None)
        self._model(new)
        return self.models()[new]

    def collect(self, name: str, *, condemned: int = 0) -> list[int]:
        """Purge what is over; of a model that is not to be had, everything, with its aliases."""
        whole = self._whole(name)
        if not (whole.deleted or whole.to):
            return super().collect(name, condemned=condemned)
        model = self._models[name]
        model.seq += condemned
        gone = [number for number, version in model.versions.items() if not version.purged]
        for number in gone:
            model.seq += 1
            dropped = model.aliases_of(number)
            model.versions[number].purged = True
            model.forget_requests(number)
            model.happened("version.purged", number)
            for alias in dropped:
                del model.trails[alias]
                model.happened("alias.dropped", number, alias, number)
        return gone

    def said(self, name: str) -> Said:
        """What is said of a model."""
        self._model(name)
        return self._whole(name).said

    def everything(self) -> list[str]:
        """Every name that a model has or had."""
        return [*self._models]

    def history(self, name: str) -> list[Happening]:
        """All that happened to the model, newest first, whether it is to be had or not."""
        if name not in self._models:
            raise ModelNotFound(f"no model {name}", value=name)
        return self._models[name].events[::-1]

    def told(self, name: str) -> list[Happening]:
        """What the feed of changes tells of the model, oldest first: not what a rename has repeated."""
        return [event for event in self._models[name].events if event.seq >= self._whole(name).told_from]

    def waiting(self) -> list[tuple[str, int, str]]:
        """What waits for approval, of models that are to be had."""
        return [request for request in super().waiting() if self._is_open(request[0])]

    def models(self) -> dict[str, Summary]:
        """Every model that is to be had."""
        return {name: summary for name, summary in super().models().items() if self._is_open(name)}

    def _model(self, name: str) -> Model:
        model = self._there(name)
        if self._whole(name).deleted:
            raise ModelDeleted(f"{name} is deleted", value=name)
        return model

    def _there(self, name: str) -> Model:
        """A model that has this name, deleted or not."""
        model = super()._model(name)
        to = self._whole(name).to
        if to is not None:
            raise ModelMoved(f"{name} is {to}", value=name, to=to)
        return model

    def _whole(self, name: str) -> _Whole:
        return self._wholes.setdefault(name, _Whole())

    def _is_open(self, name: str) -> bool:
        whole = self._whole(name)
        return not (whole.deleted or whole.to)

    def _again(self, whole: _Whole, verb: str, key: str | None) -> bool:
        return key is not None and (verb, key) in whole.keys

    def _did(self, model: Model, whole: _Whole, verb: str, key: str | None) -> None:
        model.seq += 1
        if key is not None:
            whole.keys.add((verb, key))
