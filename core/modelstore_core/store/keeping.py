"""The verbs that look after a store: what keeps it fast, small, sound, and in several places."""

from modelstore_core.store.handle import Handle

__all__ = ["Keeping"]


class Keeping:
    """How a store is looked after."""

    _handle: Handle
