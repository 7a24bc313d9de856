"""`ModelStoreResource`: a model store as a Dagster resource."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field

from modelstore_core import InvalidInput, Progress

if TYPE_CHECKING:
    from modelstore_core import ModelStore  # its verbs are loaded by the first step that opens a store

__all__ = ["ModelStoreResource", "fields_of", "rebuilt", "resolved", "resource_of"]

M = TypeVar("M", bound=BaseModel)


class ModelStoreResource(dg.ConfigurableResource["ModelStoreResource"]):
    """Versioned models in a folder or a bucket, with no server.

    Holds no secret: credentials are found in the environment, a profile or a role.
    """

    model_config = ConfigDict(extra="forbid")

    url: str = Field(
        description="Where the models are: a folder, `file:///…`, `s3://bucket/prefix`, `az://container/prefix` or "
        "`gs://bucket/prefix`."
    )
    endpoint: str | None = Field(
        default=None, description="S3, Azure, GCS: the address of another server than the service's own."
    )
    region: str | None = Field(default=None, description="S3: the bucket's region, if the environment does not say it.")
    profile: str | None = Field(default=None, description="S3: the profile in ~/.aws whose credentials are used.")
    path_style: bool | None = Field(default=None, description="S3: the bucket in the path, not in the host name.")
    anonymous: bool = Field(default=False, description="Send no credentials (public buckets, to read).")
    options: dict[str, Any] = Field(
        default={},
        description="Other options of the storage, as `ModelStore` takes them: S3's `role`, Azure's `account`.",
    )
    actor: str | None = Field(
        default=None, description="Who writes, as history shows it; MODELSTORE_ACTOR or the process's user if not set."
    )
    trust: str = Field(
        default="listed",
        description='What loading may construct: "safe" (no pickles), "listed" (names known to be harmless) or "full".',
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

    def get_store(self, *, progress: Callable[[Progress], None] | bool = True) -> "ModelStore":
        """The store, made anew at each call: nothing open is kept here, so any process may hold this resource.

        Args:
            progress: Who is told how far files have come; True: a bar, if there is a terminal.

        Raises:
            InvalidLocation: The URL or an option of it is not understood.
            InvalidInput: `trust` is no level; or names are listed for a level that has no list.
            MissingExtra: The URL's scheme needs packages that are not installed.
        """
        url = resolved(self.url, "url")
        from modelstore_core import ModelStore

        return ModelStore(
            url,
            actor=resolved(self.actor, "actor"),
            trust=self._policy(),
            single_writer=self.single_writer,
            read_only=self.read_only,
            cache=resolved(self.cache, "cache"),
            cache_size=resolved(self.cache_size, "cache_size"),
            progress=progress,
            **self._options(),
        )

    def _policy(self) -> str | list[str]:
        trust = resolved(self.trust, "trust") or ""
        if not self.trusted:
            return trust
        if trust != "listed":
            raise InvalidInput(
                f"`trusted` lists names, but trust={trust!r} takes no list.",
                value=trust,
                fix='Use trust="listed", or leave `trusted` out.',
            )
        return list(self.trusted)

    def _options(self) -> Mapping[str, Any]:
        """The storage's options, only those that are set: a folder has none."""
        texts = {name: resolved(getattr(self, name), name) for name in ("endpoint", "region", "profile")}
        if doubled := sorted(set(self.options) & {*type(self).model_fields, "progress"}):
            raise InvalidInput(
                f"{', '.join(map(repr, doubled))} in `options` is a field of its own.",
                value=doubled,
                fix="Set the field, and leave it out of `options`.",
            )
        named = {**texts, "path_style": self.path_style, "anonymous": self.anonymous or None}
        others = {name: resolved(option, f"options.{name}") for name, option in self.options.items()}
        return {**others, **{name: option for name, option in named.items() if option is not None}}

    def __reduce__(self) -> tuple[Any, ...]:
        # Dagster's own state in a resource does not unpickle; the configuration is all that there is to keep.
        return rebuilt, (type(self), fields_of(self))


def fields_of(model: BaseModel) -> dict[str, object]:
    """The values of a model's own fields."""
    return {name: getattr(model, name) for name in type(model).model_fields}


def rebuilt(cls: type[M], fields: Mapping[str, object]) -> M:
    """A resource from its configuration: what unpickling calls."""
    return cls(**fields)


def resolved(text: str | None, field: str) -> str | None:
    """The text, or what the environment variable holds that it stands for: in a notebook, Dagster resolves none."""
    if not isinstance(text, dg.EnvVar):
        return text
    found = text.get_value()
    if found is None:
        raise InvalidInput(
            f"The environment variable {text.env_var_name!r}, which {field!r} of the resource names, is not set.",
            value=text.env_var_name,
            fix=f"Set {text.env_var_name}.",
        )
    return found


def resource_of(resources: object, key: str) -> ModelStoreResource:
    """The store's resource that stands under this key.

    Raises:
        InvalidInput: It is another resource.
    """
    found = getattr(resources, key)
    if isinstance(found, ModelStoreResource):
        return found
    raise InvalidInput(
        f"The resource {key!r} is a {type(found).__name__}, not a ModelStoreResource.",
        value=key,
        fix="Pass the key of the ModelStoreResource as `store_key`.",
    )
