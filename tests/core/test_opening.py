"""URLs and paths: what each opens, and what is refused."""

import sys
from pathlib import Path

import pytest

from modelstore_core.errors import InvalidLocation
from modelstore_core.storage.azure import AzureOptions, AzureStorage
from modelstore_core.storage.gcs import GCSOptions, GCSStorage
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.opening import open_storage
from modelstore_core.storage.s3 import S3Options, S3Storage


def test_a_path_opens_a_folder_and_makes_nothing(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "store")

    assert isinstance(storage, LocalStorage)
    assert storage.url == str(tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("text", ["store", "./store", "sub/../store", "a:b/../store"])
def test_relative_paths_are_resolved_at_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    storage = open_storage(text)
    monkeypatch.chdir("/")

    assert storage.url == str(tmp_path / "store")


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert open_storage("~/store").url == str(tmp_path / "store")


@pytest.mark.parametrize("odd", ["with blank", "per%20cent", "a:b", "quest?ion", "hash#", "1s3:", "ü"])
def test_paths_are_taken_literally(tmp_path: Path, odd: str) -> None:
    assert open_storage(f"{tmp_path}/{odd}").url == f"{tmp_path}/{odd}"
    assert open_storage(tmp_path / odd).url == f"{tmp_path}/{odd}"


def test_a_path_object_is_never_taken_for_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert open_storage(Path("memory:") / "x").url == str(tmp_path / "memory:" / "x")


def test_file_urls_are_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "with blank"

    assert open_storage(folder.as_uri()).url == str(folder)
    assert open_storage(f"file://localhost{tmp_path}").url == str(tmp_path)


def test_memory_urls_of_one_name_are_one_storage() -> None:
    open_storage("memory://opening/a").put("x", b"1")

    assert open_storage("MEMORY://opening/a/").get("x") == b"1"
    assert open_storage("memory://opening/b").get("x") is None
    assert isinstance(open_storage("memory://"), MemoryStorage)


def test_s3_urls_have_a_bucket_and_perhaps_a_prefix() -> None:
    storage = open_storage("s3://models/team/a/")

    assert isinstance(storage, S3Storage)
    assert (storage.bucket, storage.prefix, storage.options) == ("models", "team/a", S3Options())
    assert storage.url == "s3://models/team/a"
    assert open_storage("s3://models").url == "s3://models"


def test_s3_options_are_passed_on() -> None:
    storage = open_storage(
        "s3://models", endpoint="http://host:9000", region="r", profile="p", path_style=False, anonymous=True
    )

    assert isinstance(storage, S3Storage)
    assert storage.options == S3Options(
        endpoint="http://host:9000", region="r", profile="p", path_style=False, anonymous=True
    )


def test_azure_urls_have_a_container_and_options_of_their_own() -> None:
    storage = open_storage("az://models/team/a/", account="ours", endpoint="http://host:10000/ours/", anonymous=True)

    assert isinstance(storage, AzureStorage)
    assert (storage.url, storage.bucket, storage.prefix) == ("az://models/team/a", "models", "team/a")
    assert storage.options == AzureOptions(account="ours", endpoint="http://host:10000/ours/", anonymous=True)


def test_gcs_urls_have_a_bucket_and_options_of_their_own() -> None:
    storage = open_storage("gs://models/team/a/", endpoint="http://host", anonymous=True)

    assert isinstance(storage, GCSStorage)
    assert (storage.url, storage.bucket, storage.prefix) == ("gs://models/team/a", "models", "team/a")
    assert storage.options == GCSOptions(endpoint="http://host", anonymous=True)


@pytest.mark.parametrize(
    ("url", "known"),
    [("az://container", "account, endpoint, anonymous"), ("gs://bucket", "endpoint, anonymous")],
)
def test_an_option_of_another_service_is_refused(url: str, known: str) -> None:
    with pytest.raises(InvalidLocation, match=f"Known are: {known}"):
        open_storage(url, region="r")
    with pytest.raises(InvalidLocation, match="is not an endpoint"):
        open_storage(url, endpoint="host")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "is not a location"),
        ("  ", "is not a location"),
        ("a\0b", "is not a location"),
        ("ftp://host/x", "'ftp' is unknown. Known are a path and az://, file://, gs://, memory://, s3://"),
        ("s3:models", "not followed by two slashes"),
        ("file:/tmp/x", "not followed by two slashes"),
        ("file://host/x", "taken for a host"),
        ("file:///a%00b", "NUL"),
        ("s3://", "not a bucket name"),
        ("s3:///prefix", "not a bucket name"),
        ("s3://bucket:80/x", "not a bucket name"),
        ("az:///prefix", "not a container name"),
        ("az://account:443/x", "not a container name"),
        ("az://container/a/../b", "cannot be used"),
        ("gs://", "Write gs://bucket or gs://bucket/prefix"),
        ("gs:bucket", "not followed by two slashes"),
        ("s3://bucket/a/../b", "cannot be used"),
        ("s3://bucket/a//b", "cannot be used"),
        ("s3://bucket/x?region=r", "a query or a fragment"),
        ("s3://bucket/x#f", "a query or a fragment"),
        ("memory://a?b", "a query or a fragment"),
        ("memory://a//b", "cannot be used"),
        ("s3://[bucket", "not a URL"),
        ("~nobody-of-that-name/x", "no such home folder"),
    ],
)
def test_what_is_not_understood_is_refused(url: str, why: str) -> None:
    with pytest.raises(InvalidLocation) as caught:
        open_storage(url)

    assert why in str(caught.value)


def test_what_is_neither_text_nor_path_is_refused() -> None:
    with pytest.raises(InvalidLocation, match="Known are a path"):
        open_storage(3)  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize(
    "url",
    [
        "s3://key:hunter2@bucket/x",
        "az://account:hunter2@container/x",
        "az://container/x?sig=hunter2",
        "s3://bucket/x?secret=hunter2",
        "file://me:hunter2@host/x",
        "ftp://u:hunter2@h",
    ],
)
def test_a_secret_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(InvalidLocation) as caught:
        open_storage(url)

    assert "hunter2" not in str(caught.value) + repr(caught.value.__dict__)


def test_unknown_options_are_refused_and_the_known_ones_listed(tmp_path: Path) -> None:
    with pytest.raises(InvalidLocation, match=r"Known are: endpoint, .*, checksum, path_style, anon"):
        open_storage("s3://bucket", endpoint_url="http://host")
    for url in (str(tmp_path), tmp_path.as_uri(), "memory://x"):
        with pytest.raises(InvalidLocation, match="'region' is no option of it"):
            open_storage(url, region="r")


@pytest.mark.parametrize(
    "options",
    [
        {"region": ""},
        {"region": True},
        {"anonymous": "yes"},
        {"path_style": "auto"},
        {"endpoint": "host"},
        {"role": "admin"},
        {"role_session": "a name with blanks", "role": "arn:aws:iam::123456789012:role/models"},
        {"role_session": "nightly"},
        {"external_id": "42"},
        {"role": "arn:aws:iam::123456789012:role/models", "anonymous": True},
        {"sse": "aes256"},
        {"sse": "AES256", "kms_key": "alias/models"},
        {"checksum": "md5"},
    ],
)
def test_options_of_the_wrong_kind_are_refused(options: dict[str, str | bool]) -> None:
    with pytest.raises(InvalidLocation):
        open_storage("s3://bucket", **options)


@pytest.fixture
def third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package that adds the scheme `other`, and tries to take `s3`."""
    (tmp_path / "other_storage.py").write_text(
        "from modelstore_core.storage.memory import MemoryStorage\n"
        "def open_other(url, **options):\n"
        "    return MemoryStorage('/'.join(['opened-other', url.partition('://')[2], *sorted(options)]))\n"
    )
    metadata = tmp_path / "other_storage-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-storage\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[modelstore.storage]\nother = other_storage:open_other\ns3 = other_storage:open_other\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "other_storage", raising=False)


def test_a_package_can_add_a_scheme(third_party: None) -> None:
    assert open_storage("other://place", shiny=True).url == "memory://opened-other/place/shiny"


def test_a_package_cannot_take_a_scheme_of_ours(third_party: None) -> None:
    assert isinstance(open_storage("s3://bucket"), S3Storage)


def test_added_schemes_are_listed_with_the_known_ones(third_party: None) -> None:
    with pytest.raises(InvalidLocation, match="file://, gs://, memory://, other://, s3://"):
        open_storage("unknown://x")
