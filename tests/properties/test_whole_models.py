"""A store and an oracle agree also where models as a whole are described, deleted, brought back, renamed, collected."""

from hypothesis import strategies as st
from hypothesis.stateful import rule
from tests.properties.effort import effort, takes
from tests.properties.machine import NAMES, Save, StoreMachine, aliases, handles, keys, names, saves

from modelstore_core.testing.facts import Happening, said_of, summary_of
from modelstore_core.testing.oracle_whole import WholeOracle

pytestmark = takes(minutes=10)

new_names = st.sampled_from([*NAMES, "n", "Ö"])


class WholeMachine(StoreMachine):
    """The verbs on versions and on models as a whole."""

    oracle: WholeOracle

    def __init__(self) -> None:
        super().__init__()
        self.oracle = WholeOracle()

    def known(self) -> list[str]:
        return self.oracle.everything()

    def told(self, name: str) -> list[Happening]:
        return self.oracle.told(name)

    @rule(
        h=handles,
        name=names,
        description=st.none() | st.sampled_from(["", "churn"]),
        tags=st.dictionaries(st.just("team"), st.none() | st.sampled_from(["risk", "ads"])),
        owner=st.none() | st.sampled_from(["", "ada"]),
        key=keys,
    )
    def describe(
        self,
        h: int,
        name: str,
        description: str | None,
        tags: dict[str, str | None],
        owner: str | None,
        key: str | None,
    ) -> None:
        self.both(
            lambda: said_of(self.stores[h].describe(name, description=description, tags=tags, owner=owner, key=key)),
            lambda: self.oracle.describe(name, description=description, tags=tags, owner=owner, key=key),
        )

    @rule(h=handles, name=names, key=keys)
    def delete_model(self, h: int, name: str, key: str | None) -> None:
        self.both(
            lambda: self.stores[h].delete_model(name, key=key).deleted,
            lambda: self.oracle.delete_model(name, key=key),
        )

    @rule(h=handles, name=names, key=keys)
    def restore_model(self, h: int, name: str, key: str | None) -> None:
        self.both(
            lambda: self.stores[h].restore_model(name, key=key).deleted,
            lambda: self.oracle.restore_model(name, key=key),
        )

    @rule(h=handles, old=names, new=new_names)
    def rename(self, h: int, old: str, new: str) -> None:
        if old != new:
            self.both(lambda: summary_of(self.stores[h].rename(old, new)), lambda: self.oracle.rename(old, new))

    @rule(h=handles, name=new_names, payload=st.integers(0, 2), asked=saves)
    def save_by_any_name(self, h: int, name: str, payload: int, asked: Save) -> None:
        self.save(h, name, payload, asked)

    @rule(h=handles, name=new_names, number=st.integers(1, 4), alias=aliases, key=keys)
    def move_an_alias_by_any_name(self, h: int, name: str, number: int, alias: str, key: str | None) -> None:
        self.promote(h, f"{name}@{number}", alias, key)
        self.load(h, f"{name}@{alias}")
        self.rollback(h, name, alias, None)

    @rule(h=handles, name=new_names, number=st.integers(1, 4), force=st.booleans())
    def delete_and_restore_by_any_name(self, h: int, name: str, number: int, force: bool) -> None:
        self.delete(h, f"{name}@{number}", force, None)
        self.look_around(h, name, None, True)
        self.restore(h, f"{name}@{number - 1 or 1}", None)

    @rule(h=handles, name=new_names)
    def ask_what_is_said(self, h: int, name: str) -> None:
        self.both(lambda: said_of(self.stores[h].model(name)), lambda: self.oracle.said(name))

    @rule(h=handles)
    def verify(self, h: int) -> None:
        found = self.stores[h].verify(repair=True)
        assert found.ok, str(found.problems)


TestWholeModels = WholeMachine.TestCase
TestWholeModels.settings = effort(60)
