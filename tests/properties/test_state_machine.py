"""A store and an oracle agree through any series of calls, whatever befalls them: 200 series of 50 steps, more to soak.

`make soak EFFORT=4` makes a million steps.
"""

from tests.properties.effort import effort, takes
from tests.properties.machine import LocalMachine
from tests.properties.mishaps import MishapMachine

pytestmark = takes(minutes=20)


class MishapsInAFolder(LocalMachine, MishapMachine):
    """The same over a folder."""


TestStoreInMemory = MishapMachine.TestCase
TestStoreInMemory.settings = effort(200)

TestStoreInAFolder = MishapsInAFolder.TestCase
TestStoreInAFolder.settings = effort(10, steps=30)
