"""A store signs with what a block of prefect-aws holds."""

import os
import pickle

import pytest
from prefect_aws import AwsCredentials, MinIOCredentials
from pydantic import SecretStr

from modelstore_core import InvalidInput
from modelstore_core.testing.s3_server import S3Server
from prefect_modelstore import ModelStoreBlock, ModelStoreCredentials

SECRET = "nobody-may-see-this"


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("kind", ["aws-credentials", "minio-credentials"])
def test_a_saved_block_of_prefect_aws_signs(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    AwsCredentials(aws_access_key_id="mine", aws_secret_access_key=SecretStr(SECRET)).save("of-us", overwrite=True)
    MinIOCredentials(minio_root_user="mine", minio_root_password=SecretStr(SECRET)).save("of-us", overwrite=True)
    credentials = ModelStoreCredentials(aws_block=f"{kind}/of-us")
    credentials.save("by-name", overwrite=True)

    with S3Server(["models"], access_key_id="mine") as server:
        block = ModelStoreBlock(url="s3://models", endpoint=server.endpoint, credentials=credentials)
        store = block.get_store()

        assert store.save({"a": 1}, "risk.churn").number == 1
        assert pickle.loads(pickle.dumps(store)).load("risk.churn") == {"a": 1}
        assert SECRET.encode() not in pickle.dumps(store)


@pytest.mark.usefixtures("prefect_server")
def test_a_block_that_is_not_there_or_has_no_credentials_is_named() -> None:
    ModelStoreCredentials(azure_account_key=SecretStr(SECRET)).save("azure", overwrite=True)

    with pytest.raises(InvalidInput, match="nowhere"):
        ModelStoreCredentials(aws_block="aws-credentials/nowhere").get_credentials()
    with pytest.raises(InvalidInput, match="has no credentials of AWS"):
        ModelStoreCredentials(aws_block="model-store-credentials/azure").get_credentials()
