"""Listeners: what installed packages are told after a commit of this process, best effort.

A package names a callable in the entry-point group `modelstore.listeners`. It is called as `listener(event, url)`, once
for each `Event` of each commit that this process made, in order, with the URL of the store. It runs in a thread of its
own, so that it neither delays nor fails the verb; what it raises goes to the log. A process that is about to end waits
for it two seconds at most. Who must hear of everything, also of what other processes do, asks `store.changes(cursor)`.
"""

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from modelstore_core.model.records import Event

__all__ = ["GROUP", "Listener", "tell"]

GROUP = "modelstore.listeners"

Listener: TypeAlias = Callable[[Event, str], object]

_MOST = 1000
_SECONDS_AT_EXIT = 2.0

_log = logging.getLogger(__name__)


class _Teller:
    """One thread that tells all listeners of one process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._nobody = False
        self._waiting: queue.Queue[tuple[Sequence[Event], str] | None] = queue.Queue(_MOST)
        self._thread = threading.Thread(target=self._run, name="modelstore-listeners", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def tell(self, events: Sequence[Event], url: str) -> None:
        """Have the listeners told, unless they are far behind."""
        if self._nobody:
            return
        try:
            self._waiting.put_nowait((events, url))
        except queue.Full:
            _log.warning("Listeners are %d commits behind: they are not told of %s.", _MOST, events[0].id)

    def _run(self) -> None:
        listeners = _installed()
        if not listeners:
            self._nobody = True
            return
        while (told := self._waiting.get()) is not None:
            events, url = told
            for event in events:
                for name, listener in listeners:
                    _call(name, listener, event, url)

    def _end(self) -> None:
        if self.pid != os.getpid():
            return  # a fork has no such thread
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_SECONDS_AT_EXIT)


_teller: _Teller | None = None
_starting = threading.Lock()


def tell(events: Sequence[Event], url: str) -> None:
    """Have the installed listeners told of a commit's events; returns at once and raises nothing."""
    global _teller  # noqa: PLW0603 - one thread a process, begun by its first commit
    if not events:
        return
    try:
        with _starting:
            if _teller is None or _teller.pid != os.getpid():
                _teller = _Teller()
        _teller.tell(events, url)
    except RuntimeError as error:  # no thread can be started any more, as while the interpreter ends
        _log.warning("Listeners are not told of %s: %s.", events[0].id, error)


def _installed() -> list[tuple[str, Listener]]:
    from importlib.metadata import entry_points  # slow to import

    found: list[tuple[str, Listener]] = []
    for entry in entry_points(group=GROUP):
        try:
            found.append((entry.name, entry.load()))
        except Exception:  # noqa: BLE001 - of others' code, whatever it is
            _log.warning("The listener %r could not be loaded.", entry.name, exc_info=True)
    return found


def _call(name: str, listener: Listener, event: Event, url: str) -> None:
    try:
        listener(event, url)
    except Exception:  # noqa: BLE001 - of others' code, whatever it is
        _log.warning("The listener %r failed on %s.", name, event.id, exc_info=True)
