"""The verbs on a model as a whole: what is said of it, its deletion and return, and its name."""

from collections.abc import Mapping
from functools import partial

from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.json import as_tags
from modelstore_core.model.operations import Verb
from modelstore_core.model.records import ModelSummary
from modelstore_core.registry import queries
from modelstore_core.registry.writer import Decide, Request
from modelstore_core.store.handle import Handle

__all__ = ["Whole"]


class Whole:
    """What a store is told and asked of a model as a whole."""

    _handle: Handle

    def model(self, name: str) -> ModelSummary:
        """What is said of the model as a whole, its newest version's number, and its aliases.

        Raises:
            ModelNotFound: There is no such model.
            ModelDeleted, ModelMoved, ModelMoving: It is not to be had.
        """
        return queries.summary_of(self._handle.view(name).require_open())

    def describe(
        self,
        name: str,
        *,
        description: str | None = None,
        tags: Mapping[str, object] | None = None,
        owner: str | None = None,
        key: str | None = None,
    ) -> ModelSummary:
        """Say something of the model as a whole, in one commit; what is left out stays as it is.

        All of it may have 4 KiB: it stands in every commit of the model, so that a listing of all models costs no more.

        Args:
            name: The model's name.
            description: A text; "" for none.
            tags: Texts; a value of None removes the tag.
            owner: Who answers for the model, as text; nobody's right depends on it.
            key: Makes the call idempotent: a retry changes nothing.

        Raises:
            InvalidInput: One of them is not text.
            TooLarge: It would be more than 4 KiB.
            ModelNotFound: There is no such model.
            ModelDeleted, ModelMoved, ModelMoving: It is not to be had.
        """
        from modelstore_core.registry import whole  # for those few who do

        given = tags or {}
        said = whole.Said(
            description=None if description is None else _text(description),
            tags={**as_tags({k: v for k, v in given.items() if v is not None}), **_removed(given)},
            owner=None if owner is None else _text(owner),
        )
        return self._decided("describe", name, partial(whole.describe, said=said), key)

    def delete_model(self, name: str, *, reason: str = "", key: str | None = None) -> ModelSummary:
        """Take the model out of every listing, with all its versions and aliases, in one commit.

        From then on every verb on it says `ModelDeleted`, saves too, but for those that look back (`history`, `at`,
        `verify`) and `restore_model`, which brings all of it back. `collect` removes its files a day later.

        Raises:
            ModelNotFound: There is no such model.
            ModelMoved, ModelMoving: It has another name, or is about to get this one.
        """
        from modelstore_core.registry import whole

        return self._decided("delete_model", name, partial(whole.close, reason=_text(reason)), key)

    def restore_model(self, name: str, *, reason: str = "", key: str | None = None) -> ModelSummary:
        """Bring a deleted model back, with its versions and aliases.

        Versions whose files `collect` has removed meanwhile are purged, and the aliases that pointed to them are gone.

        Raises:
            ModelNotFound: There is no such model.
            ModelMoved, ModelMoving: It has another name, or is about to get this one.
        """
        from modelstore_core.registry import whole

        return self._decided("restore_model", name, partial(whole.reopen, reason=_text(reason)), key)

    def rename(self, old: str, new: str, *, reason: str = "") -> ModelSummary:
        """Give the model another name, with all versions, numbers, aliases, rules, keys and its whole history.

        All of that is repeated under the new name first, and every file copied, which the storage does by itself
        where it can. Until the very commit that ends it, the old name is the model's, and whoever writes to it loses
        nothing; from then on it says `ModelMoved`, for good, and cannot be used again. Interrupted anywhere, it goes
        on where it was when it is called again, by anybody. The old copies of the files are collected a day later.

        Returns:
            The model under its new name.

        Raises:
            ModelExists: There is a model of the new name, or was.
            InvalidName, InvalidInput: The new name is none, or is the old one.
            ModelNotFound: There is no model of the old name.
            ModelDeleted, ModelMoved, ModelMoving: It is not to be had, or was given a third name.
            Corrupt: One of its files is missing or damaged: nothing has changed, but the new name is taken.
            StorageUnavailable: Others write to it faster than it can be copied. Call again.
        """
        from modelstore_core.store.renaming import rename  # for those few who do

        return rename(self._handle, names.check_name(old), names.check_name(new), _text(reason))

    def _decided(self, verb: Verb, name: str, decide: Decide, key: str | None) -> ModelSummary:
        checked = None if key is None else names.check_key(key)
        request = Request(verb=verb, actor=self._handle.settings.actor, key=checked)
        return queries.summary_of(self._handle.write(name, request, decide).view.require())


def _removed(values: Mapping[str, object]) -> dict[str, None]:
    return {name: None for name, value in values.items() if value is None}


def _text(value: str) -> str:
    if isinstance(value, str):
        return value
    raise InvalidInput(f"{value!r} is not text.", value=value, fix="Pass a sentence.")
