"""`ModelStoreBlock`: a model store as a Prefect block; and what else tasks and flows take for a store.

Prefect finds this module by its entry point, and with it all block types: that of credentials, which is imported, and
`ModelStoreCursor`, which stands here for that reason.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self, TypeAlias

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, model_validator

from modelstore_core import InvalidInput, MissingExtra, ModelStore, Progress
from prefect_modelstore.credentials import BLOCKS_PAGE, ModelStoreCredentials, load_block

__all__ = ["ModelStoreBlock", "ModelStoreCursor", "StoreLike", "open_store"]

_REFERENCE = "model-store/"


class ModelStoreBlock(Block):
    """Versioned models in a folder or a bucket, with no server.

    Holds no secret itself: credentials are found in the environment, a profile or a role, or stand in a block of
    their own.

    Example:
        Load a configured store:
        ```python
        from prefect_modelstore import ModelStoreBlock

        block = ModelStoreBlock.load("BLOCK_NAME")
        store = block.get_store()
        ```
    """

    # What does not validate may be a URL with a password in it: errors must not repeat it.
    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str | None] = "Model Store"
    _description: ClassVar[str | None] = "Versioned models in a folder or a bucket, with no server."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(BLOCKS_PAGE)

    url: str = Field(
        description="Where the models are: a folder, `file:///…`, `s3://bucket/prefix`, `az://container/prefix` or "
        "`gs://bucket/prefix`."
    )
    credentials: ModelStoreCredentials | None = Field(
        default=None, description="What requests are signed with; found in the environment if not set."
    )
    endpoint: str | None = Field(
        default=None, description="S3, Azure, GCS: the address of another server than the service's own."
    )
    region: str | None = Field(default=None, description="S3: the bucket's region, if the environment does not say it.")
    profile: str | None = Field(default=None, description="S3: the profile in ~/.aws whose credentials are used.")
    path_style: bool | None = Field(default=None, description="S3: the bucket in the path, not in the host name.")
    anonymous: bool = Field(default=False, description="Send no credentials (public buckets, to read).")
    options: dict[str, str | bool] = Field(
        default={},
        description="Other options of the storage, as `ModelStore` takes them: S3's `role`, Azure's `account`.",
    )
    actor: str | None = Field(
        default=None, description="Who writes, as history shows it; MODELSTORE_ACTOR or the process's user if not set."
    )
    trust: Literal["safe", "listed", "full"] = Field(
        default="listed",
        description="What loading may construct: no pickles, names known to be harmless, or everything.",
    )
    trusted: list[str] = Field(
        default=[], description='Exact names, "package.module.Name", that loading may construct besides the listed.'
    )
    single_writer: bool = Field(
        default=False, description="Write although the storage cannot create-if-absent; then never from two places."
    )
    read_only: bool = Field(default=False, description="Refuse everything that writes.")
    cache: str | None = Field(
        default=None,
        description="A folder of the machine that runs, which keeps what was fetched; MODELSTORE_CACHE if not set.",
    )
    cache_size: str | None = Field(default=None, description='How much may lie in the cache, such as "10 GiB".')

    @model_validator(mode="after")
    def _opens(self) -> Self:
        """Say now what is wrong with the URL or an option, not when a run needs the store."""
        with suppress(MissingExtra):  # the block may be meant for another machine
            self.get_store()
        return self

    def get_store(self, *, progress: Callable[[Progress], None] | bool = True) -> ModelStore:
        """The store, made anew at each call: nothing open is kept here, so any process may hold this block.

        Args:
            progress: Who is told how far files have come; True: a bar, if there is a terminal.

        Raises:
            InvalidInput: The URL, an option of it or the trust is not understood.
            MissingExtra: The URL's scheme needs packages that are not installed.
        """
        if self.trusted and self.trust != "listed":
            raise InvalidInput(
                f"`trusted` lists names, but trust={self.trust!r} takes no list.",
                value=self.trust,
                fix='Use trust="listed", or leave `trusted` out.',
            )
        return ModelStore(
            self.url,
            actor=self.actor,
            trust=self.trusted or self.trust,
            single_writer=self.single_writer,
            read_only=self.read_only,
            cache=self.cache,
            cache_size=self.cache_size,
            progress=progress,
            credentials=None if self.credentials is None else self.credentials.get_credentials,
            **self._options(),
        )

    def _options(self) -> Mapping[str, Any]:
        """The storage's options, only those that are set: a folder has none."""
        if doubled := sorted(set(self.options) & {*type(self).model_fields, "progress"}):
            raise InvalidInput(
                f"{', '.join(map(repr, doubled))} in `options` is a field of its own.",
                value=doubled,
                fix="Set the field, and leave it out of `options`.",
            )
        named = {
            "endpoint": self.endpoint,
            "region": self.region,
            "profile": self.profile,
            "path_style": self.path_style,
            "anonymous": self.anonymous or None,
        }
        return {**self.options, **{name: option for name, option in named.items() if option is not None}}


class ModelStoreCursor(Block):
    """How far `bridge` has come with a model store.

    A block and not a variable, which holds 5,000 characters: a cursor has some fifty for each model.

    Example:
        Have a look at one:
        ```python
        from prefect_modelstore import ModelStoreCursor

        cursor = ModelStoreCursor.load("BLOCK_NAME")
        ```
    """

    _block_type_name: ClassVar[str | None] = "Model Store Cursor"
    _description: ClassVar[str | None] = "How far the flow `bridge` has come with a model store."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(BLOCKS_PAGE)

    url: str = Field(description="The store's URL.")
    cursor: str = Field(description="What `changes` of the store returned last.")


StoreLike: TypeAlias = ModelStoreBlock | ModelStore | str | os.PathLike[str] | None
"""What tasks take as `store=`: a block, the reference `model-store/NAME` of a saved one, a URL or path, a
`ModelStore`, or None for the store that `MODELSTORE_URL` names."""


def open_store(
    store: StoreLike, *, progress: Callable[[Progress], None] | bool = True, actor: str | None = None
) -> ModelStore:
    """The store that is meant; a `ModelStore` is what it is, whatever else is said.

    Args:
        store: What is given for it.
        progress: Who is told how far files have come.
        actor: Who writes; as the block or the environment says if left out.

    Raises:
        InvalidInput: There is no block of that name.
        InvalidLocation: The URL is not understood, or none is given and MODELSTORE_URL is not set.
        MissingExtra: The URL's scheme needs packages that are not installed.
    """
    if isinstance(store, ModelStore):
        return store
    if isinstance(store, str) and store.startswith(_REFERENCE):
        store = load_block(ModelStoreBlock, store.removeprefix(_REFERENCE))
    if isinstance(store, ModelStoreBlock):
        known = store if actor is None else store.model_copy(update={"actor": actor})
        return known.get_store(progress=progress)
    return ModelStore(store, progress=progress, actor=actor)
