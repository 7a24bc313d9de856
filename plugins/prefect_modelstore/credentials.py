"""`ModelStoreCredentials`: what a store signs its requests with, kept by Prefect's server and by nobody else."""

import importlib.util
from collections.abc import Mapping
from typing import Any, ClassVar, Self, TypeVar

from prefect.blocks.core import Block
from prefect.exceptions import ObjectNotFound
from prefect.utilities.asyncutils import run_coro_as_sync
from pydantic import ConfigDict, Field, HttpUrl, PrivateAttr, SecretStr, model_validator

from modelstore_core import InvalidInput, MissingExtra

__all__ = ["BLOCKS_PAGE", "ModelStoreCredentials", "load_block"]

B = TypeVar("B", bound=Block)

# Prefect's, on blocks as such: this project has no address on the web yet, and one that is not there helps nobody.
BLOCKS_PAGE = "https://docs.prefect.io/v3/concepts/blocks"
_NAMES: Mapping[str, str] = {
    "aws_access_key_id": "AWS_ACCESS_KEY_ID",
    "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "aws_session_token": "AWS_SESSION_TOKEN",
    "azure_account_key": "AZURE_STORAGE_ACCOUNT_KEY",
    "azure_sas_token": "AZURE_STORAGE_SAS_TOKEN",
    "azure_client_id": "AZURE_CLIENT_ID",
    "azure_client_secret": "AZURE_CLIENT_SECRET",
    "azure_tenant_id": "AZURE_TENANT_ID",
    "google_service_account_key": "GOOGLE_SERVICE_ACCOUNT_KEY",
}
_AWS = {"aws_access_key_id", "aws_secret_access_key"}
_KINDS = (
    _AWS,
    _AWS | {"aws_session_token"},
    {"aws_block"},
    {"azure_account_key"},
    {"azure_sas_token"},
    {"azure_client_id", "azure_client_secret", "azure_tenant_id"},
    {"google_service_account_key"},
)


class ModelStoreCredentials(Block):
    """Credentials of S3, Azure or Google Cloud for a model store: those of one of them.

    Saved, it goes to other processes as its name, and is read there from Prefect's server: no pickle of it, of a
    block that uses it or of a store that was opened with it holds a secret. Unsaved, it goes nowhere.

    Example:
        Open a store with saved credentials:
        ```python
        from prefect_modelstore import ModelStoreCredentials, ModelStoreBlock

        credentials = ModelStoreCredentials.load("BLOCK_NAME")
        store = ModelStoreBlock(url="s3://bucket/models", credentials=credentials).get_store()
        ```
    """

    # What does not validate may be a secret: errors must not repeat it.
    model_config: ClassVar[ConfigDict] = ConfigDict(hide_input_in_errors=True)

    _block_type_name: ClassVar[str | None] = "Model Store Credentials"
    _description: ClassVar[str | None] = "Credentials of S3, Azure or Google Cloud for a model store."
    _documentation_url: ClassVar[HttpUrl | None] = HttpUrl(BLOCKS_PAGE)

    aws_access_key_id: str | None = Field(default=None, description="S3: the id of an access key.")
    aws_secret_access_key: SecretStr | None = Field(default=None, description="S3: the access key's secret.")
    aws_session_token: SecretStr | None = Field(default=None, description="S3: the token of temporary credentials.")
    aws_block: str | None = Field(
        default=None,
        description="S3: a saved block of prefect-aws whose credentials are used, such as `aws-credentials/prod`.",
        pattern=r"^[a-z0-9-]+/[^/]+$",
    )
    azure_account_key: SecretStr | None = Field(default=None, description="Azure: a key of the storage account.")
    azure_sas_token: SecretStr | None = Field(default=None, description="Azure: a shared access signature.")
    azure_client_id: str | None = Field(default=None, description="Azure: the id of a service principal.")
    azure_client_secret: SecretStr | None = Field(default=None, description="Azure: the service principal's secret.")
    azure_tenant_id: str | None = Field(default=None, description="Azure: the service principal's tenant.")
    google_service_account_key: SecretStr | None = Field(
        default=None, description="Google Cloud: the JSON of a service account's key."
    )

    _left_behind: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = {name for name in {"aws_block", *_NAMES} if getattr(self, name)}
        if given not in _KINDS:
            raise InvalidInput(
                f"These are no credentials of one service: {', '.join(sorted(given)) or 'nothing is set'}.",
                value=sorted(given),
                fix="Set all that one way to sign in takes, and nothing of another.",
            )
        return self

    def get_credentials(self) -> Mapping[str, str]:
        """The credentials, by the names that environment variables would have; what a store asks when it connects.

        Raises:
            InvalidInput: There is no such block any more, or the one that `aws_block` names has no credentials.
            MissingExtra: `aws_block` is set, and prefect-aws is not installed.
        """
        if self._left_behind:
            return load_block(type(self), str(self._block_document_name)).get_credentials()
        if self.aws_block is not None:
            return _of_aws(self.aws_block)
        said = {name: getattr(self, field) for field, name in _NAMES.items()}
        return {name: _text(secret) for name, secret in said.items() if secret is not None}

    def __getstate__(self) -> dict[Any, Any]:
        """The block's name, and nothing of what it holds."""
        if not self._block_document_name:
            raise InvalidInput(
                "Credentials that are not saved cannot go to another process: a pickle would hold them for all to see.",
                fix='Save them, .save("NAME"), before they are used in tasks of other processes.',
            )
        state = super().__getstate__()
        private = {**(state["__pydantic_private__"] or {}), "_left_behind": True}
        return {**state, "__dict__": dict.fromkeys(state["__dict__"]), "__pydantic_private__": private}


def load_block(kind: type[B], reference: str) -> B:
    """A saved block; `InvalidInput` if there is none. Not `Block.load`: in async flows that gives a coroutine."""
    try:
        return run_coro_as_sync(kind.aload(reference))
    except ValueError as error:
        if not isinstance(error.__cause__, ObjectNotFound):
            raise
        raise InvalidInput(f"{error}.", value=reference, fix="Save the block first, or correct its name.") from None


def _of_aws(reference: str) -> Mapping[str, str]:
    """What the session of a block of prefect-aws is signed with."""
    if importlib.util.find_spec("prefect_aws") is None:
        raise MissingExtra(
            f"The block {reference!r} needs the package prefect-aws, which is not installed.",
            value=reference,
            fix="Run: pip install prefect-aws",
        )
    block: Any = load_block(Block, reference)
    found = block.get_boto3_session().get_credentials() if hasattr(block, "get_boto3_session") else None
    if found is None:
        raise InvalidInput(
            f"The block {reference!r} has no credentials of AWS.",
            value=reference,
            fix="Name one of the types AwsCredentials and MinIOCredentials.",
        )
    frozen = found.get_frozen_credentials()
    said = (frozen.access_key, frozen.secret_key, frozen.token or "")
    return dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), said, strict=True))


def _text(secret: str | SecretStr) -> str:
    return secret.get_secret_value() if isinstance(secret, SecretStr) else secret
