"""`ModelStore`: every public verb, over one folder or bucket."""

import os
from collections.abc import Callable, Iterable

from modelstore_core.formats.trust import Trust, parse_trust
from modelstore_core.progress import Progress
from modelstore_core.storage.given import GivenBy
from modelstore_core.storage.opening import Option, open_storage
from modelstore_core.storage.protocol import Storage
from modelstore_core.storage.readonly import ReadOnlyStorage
from modelstore_core.store.caching import checked_cache
from modelstore_core.store.governing import Governing
from modelstore_core.store.handle import Handle, Settings, checked_actor, location
from modelstore_core.store.importing import Importing
from modelstore_core.store.keeping import Keeping
from modelstore_core.store.reading import Reading
from modelstore_core.store.revisiting import Revisiting
from modelstore_core.store.whole import Whole
from modelstore_core.store.writing import Writing

__all__ = ["ModelStore"]


class ModelStore(Reading, Writing, Governing, Revisiting, Whole, Keeping, Importing):
    """Versioned models in one folder or bucket.

    Opening asks nothing of the storage and makes nothing there; the first write tests whether the storage keeps the
    one promise that commits rest on. A store may be shared between threads and pickles without any secret.

    Every verb may raise `StorageError` and its children, every reading one `Corrupt` and `StoreTooNew`, and every
    writing one `CommitUncertain`; after any other error nothing was changed.
    """

    def __init__(
        self,
        url: str | os.PathLike[str] | None = None,
        *,
        actor: str | None = None,
        trust: str | Iterable[str] | Trust = "listed",
        single_writer: bool = False,
        patience: float = 60.0,
        read_only: bool = False,
        cache: str | os.PathLike[str] | bool | None = None,
        cache_size: int | str | None = None,
        progress: Callable[[Progress], None] | bool = True,
        credentials: GivenBy | None = None,
        **options: Option,
    ) -> None:
        """Name a store.

        Args:
            url: `./models`, `file:///…`, `s3://bucket/prefix`, `memory://name`; `MODELSTORE_URL` if left out.
            actor: Who writes, as history shows it; `MODELSTORE_ACTOR` or the user's name if left out.
            trust: What loading may construct: "safe" (no pickles), "listed" (exact names known to be harmless), a
                list of exact names to allow besides, or "full" (everything).
            single_writer: Write although the storage cannot create-if-absent; then never write from two places.
            patience: Seconds that one step may take under errors before it gives up.
            read_only: Refuse every verb that writes, before anything is asked of the storage.
            cache: A folder of this machine that keeps what was fetched from a remote store; True for one below the
                user's `~/.cache`, False for none; `MODELSTORE_CACHE` if left out.
            cache_size: How much may lie there, in bytes or as "10 GiB"; `MODELSTORE_CACHE_SIZE` if left out.
            progress: Called with a `Progress` while files are saved, loaded, pulled or copied, by one thread at a
                time; it stays behind when the store is pickled. True: a bar after two seconds, if stderr is a
                terminal and rich is installed. False: nothing.
            credentials: Gets the credentials, as a mapping of the names of the environment variables that would
                otherwise hold them (`AWS_ACCESS_KEY_ID`, …). Asked when a connection is made, for S3 also whenever
                they may have run out; pickled with the store, so let it know where they are and not hold them.
            options: The storage's, such as `endpoint`, `region`, `profile` and `role` of S3.

        Raises:
            InvalidLocation: The URL or an option is not understood.
            InvalidInput: Another argument is not what it must be.
            MissingExtra: The URL's scheme needs packages that are not installed.
        """
        settings = Settings(
            actor=checked_actor(actor),
            trust=parse_trust(trust),
            single_writer=single_writer,
            patience=patience,
            cache=checked_cache(cache=cache, size=cache_size),
            bar=progress is True,
        )
        storage = open_storage(location(url), credentials, **options)
        tell = None if isinstance(progress, bool) else progress
        self._handle = Handle(ReadOnlyStorage(storage) if read_only else storage, settings, tell=tell)

    @classmethod
    def over(cls, handle: Handle) -> "ModelStore":
        """A store over a storage that no URL names: a wrapper, a test double, one's own."""
        store = cls.__new__(cls)
        store._handle = handle  # noqa: SLF001 -- a second constructor of this very class
        return store

    @property
    def url(self) -> str:
        """Where the store is, without secrets."""
        return self._handle.storage.url

    @property
    def storage(self) -> Storage:
        """The bytes below, for tools that work on them."""
        return self._handle.storage

    def __repr__(self) -> str:
        return f"ModelStore({self.url!r})"
