from tests.properties.effort import effort
from tests.properties.machine import LocalMachine, StoreMachine

TestStoreInMemory = StoreMachine.TestCase
TestStoreInMemory.settings = effort(40)

TestStoreInAFolder = LocalMachine.TestCase
TestStoreInAFolder.settings = effort(6, steps=30)
