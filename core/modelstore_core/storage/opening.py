"""From a URL or a path to a storage: folders, memory, S3, Azure, GCS, and whatever an installed package adds.

A package adds a scheme by an entry point in the group `modelstore.storage`: its name is the scheme, its value a
callable `(url, **options) -> Storage`. Built-in schemes cannot be replaced.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias, cast
from urllib.parse import SplitResult, unquote, urlsplit

from modelstore_core.errors import InvalidInput, InvalidLocation
from modelstore_core.storage.given import GivenBy
from modelstore_core.storage.keys import check_key
from modelstore_core.storage.local import LocalStorage
from modelstore_core.storage.memory import MemoryStorage
from modelstore_core.storage.protocol import Storage

__all__ = ["Option", "open_storage"]

Option: TypeAlias = str | bool | None
"""What an option of a storage may be: plain values, so that configurations can hold them."""

_GROUP = "modelstore.storage"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_S3_WORDS = (
    "endpoint",
    "region",
    "profile",
    "role",
    "role_session",
    "external_id",
    "sse",
    "kms_key",
    "checksum",
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_SECRETS = "Give credentials by the environment or a profile, never in a URL: URLs end up in logs."


def open_storage(url: str | os.PathLike[str], given: GivenBy | None = None, /, **options: Option) -> Storage:
    """Open the storage a URL or path names; asks no service and makes no folder.

    Relative paths are resolved now, `~` is expanded. `InvalidLocation` for anything that is not understood: an
    unknown scheme or option, a query, credentials in the URL. `MissingExtra` if the scheme's packages are missing.

    Args:
        url: A path, `file:///…`, `memory://name`, `s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`,
            or a URL of a scheme that a package added.
        given: Gets the credentials, for S3, Azure and GCS; a package gets it as one more option, `credentials`.
        options: For S3 the fields of `S3Options`, for Azure those of `AzureOptions`, for GCS those of `GCSOptions`;
            none for folders and memory; a package's own for its scheme.
    """
    text = _text(url)
    scheme = "" if isinstance(url, os.PathLike) else _scheme(text)
    opener = _BUILT_IN.get(scheme)
    if opener:
        return opener(text, options, given)
    more = {} if given is None else {"credentials": given}
    return _third_party(scheme, text)(text, **options, **more)


def _text(url: object) -> str:
    text = os.fspath(url) if isinstance(url, str | os.PathLike) else None
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise InvalidLocation(f"{url!r} is not a location.", value=url, fix=_known())
    return text


def _scheme(text: str) -> str:
    match = _SCHEME.match(text)
    if match is None:
        return ""
    scheme = match[1].lower()
    if match[2]:
        return scheme
    if scheme in _BUILT_IN:
        # "s3:/bucket" would otherwise quietly become a folder called "s3:".
        raise _invalid(text, f"{scheme}: is not followed by two slashes", f"Write {scheme}://…, or ./{scheme}:… .")
    return ""


def _third_party(scheme: str, text: str) -> Callable[..., Storage]:
    from importlib.metadata import entry_points  # slow to import, and only needed here

    for entry in entry_points(group=_GROUP, name=scheme):
        return cast("Callable[..., Storage]", entry.load())
    raise _invalid(text, f"the scheme {scheme!r} is unknown", _known())


def _known() -> str:
    from importlib.metadata import entry_points

    added = {entry.name for entry in entry_points(group=_GROUP)}
    schemes = ", ".join(f"{scheme}://" for scheme in sorted((added | set(_BUILT_IN)) - {""}))
    return f"Known are a path and {schemes}."


def _open_path(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    _check_options(text, options, ())
    _check_no_credentials(text, given)
    try:
        return LocalStorage(Path(text).expanduser())
    except RuntimeError as error:
        raise _invalid(text, "there is no such home folder", "Write the path out.") from error


def _open_file(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    parts = _split(text)
    if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
        raise _invalid(text, f"{parts.netloc!r} is taken for a host", "Write file:///path, with three slashes.")
    _check_options(text, options, ())
    _check_no_credentials(text, given)
    path = unquote(parts.path)
    if "\0" in path:
        raise _invalid(text, "it has a NUL byte", "Leave it out.")
    return LocalStorage(Path(path))


def _open_memory(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    parts = _split(text)
    _check_options(text, options, ())
    _check_no_credentials(text, given)
    name = (parts.netloc + parts.path).strip("/")
    return MemoryStorage(_as_key(text, name))


def _open_s3(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    bucket, prefix = _bucket_and_prefix(text, "s3", "bucket")
    _check_options(text, options, (*_S3_WORDS, "path_style", "anonymous", "conditional"))
    from modelstore_core.storage.s3 import S3Options, S3Storage
    from modelstore_core.storage.s3_clients import require_packages

    require_packages(_shown(text))
    return S3Storage(
        bucket,
        prefix,
        S3Options(
            **{name: _word(text, options, name) for name in _S3_WORDS},
            path_style=_switch(text, options, "path_style"),
            anonymous=_switch(text, options, "anonymous") or False,
            conditional=_switch(text, options, "conditional") is not False,
        ),
        _unless_anonymous(text, options, given),
    )


def _open_azure(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    container, prefix = _bucket_and_prefix(text, "az", "container")
    _check_options(text, options, ("account", "endpoint", "anonymous"))
    from modelstore_core.storage.azure import AzureOptions, AzureStorage, require_packages

    require_packages(_shown(text))
    return AzureStorage(
        container,
        prefix,
        AzureOptions(
            account=_word(text, options, "account"),
            endpoint=_word(text, options, "endpoint"),
            anonymous=_switch(text, options, "anonymous") or False,
        ),
        _unless_anonymous(text, options, given),
    )


def _open_gcs(text: str, options: Mapping[str, Option], given: GivenBy | None) -> Storage:
    bucket, prefix = _bucket_and_prefix(text, "gs", "bucket")
    _check_options(text, options, ("endpoint", "anonymous"))
    from modelstore_core.storage.gcs import GCSOptions, GCSStorage, require_packages

    require_packages(_shown(text))
    return GCSStorage(
        bucket,
        prefix,
        GCSOptions(endpoint=_word(text, options, "endpoint"), anonymous=_switch(text, options, "anonymous") or False),
        _unless_anonymous(text, options, given),
    )


_BUILT_IN: dict[str, Callable[[str, Mapping[str, Option], GivenBy | None], Storage]] = {
    "": _open_path,
    "file": _open_file,
    "memory": _open_memory,
    "s3": _open_s3,
    "az": _open_azure,
    "gs": _open_gcs,
}


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _invalid(text, "it is not a URL", _known()) from error
    if "@" in parts.netloc:
        raise _invalid(text, "it has a user or a password in it", _SECRETS)
    if "?" in text or "#" in text:
        raise _invalid(text, "it has a query or a fragment", "Give options as arguments, not in the URL.")
    return parts


def _bucket_and_prefix(text: str, scheme: str, bucket: str) -> tuple[str, str]:
    parts = _split(text)
    if not _BUCKET.fullmatch(parts.netloc):
        fix = f"Write {scheme}://{bucket} or {scheme}://{bucket}/prefix."
        raise _invalid(text, f"{parts.netloc!r} is not a {bucket} name", fix)
    return parts.netloc, _as_key(text, parts.path.strip("/"))


def _as_key(text: str, name: str) -> str:
    try:
        return check_key(name) if name else ""
    except InvalidInput as error:
        raise _invalid(text, f"{name!r} cannot be used", error.what) from error


def _check_options(text: str, options: Mapping[str, Option], known: tuple[str, ...]) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        fix = f"Known are: {', '.join(known)}." if known else "There are none."
        raise _invalid(text, f"{', '.join(map(repr, unknown))} is no option of it", fix)


def _check_no_credentials(text: str, given: GivenBy | None) -> None:
    if given is not None:
        raise _invalid(text, "there are no credentials for it", "Leave out `credentials`.")


def _unless_anonymous(text: str, options: Mapping[str, Option], given: GivenBy | None) -> GivenBy | None:
    if given is not None and options.get("anonymous"):
        raise _invalid(text, "it is to be reached anonymously, and with credentials", "Leave out one of the two.")
    if given is not None and not callable(given):
        raise _invalid(text, "its credentials are no function that gets them", "Give a function, not the secrets.")
    return given


def _word(text: str, options: Mapping[str, Option], name: str) -> str | None:
    option = options.get(name)
    if option is not None and (not isinstance(option, str) or not option):
        raise _invalid(text, f"its option {name!r} is not a string with something in it", "Give one, or leave it out.")
    return option


def _switch(text: str, options: Mapping[str, Option], name: str) -> bool | None:
    option = options.get(name)
    if option is not None and not isinstance(option, bool):
        raise _invalid(text, f"its option {name!r} is neither True nor False", "Give one, or leave it out.")
    return option


def _invalid(text: str, problem: str, fix: str) -> InvalidLocation:
    shown = _shown(text)
    return InvalidLocation(f"{shown!r} is not a location: {problem}.", value=shown, fix=fix)


def _shown(text: str) -> str:
    """The URL without what may be a secret: user information and everything after a question mark."""
    without_user = re.sub(r"(//)[^/?#]*@", r"\1…@", text)
    return re.sub(r"[?#].*", "?…", without_user, flags=re.DOTALL) if "://" in text else text
