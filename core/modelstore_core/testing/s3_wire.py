"""S3's wire format as far as our test server speaks it: what a request asks, and how replies and errors are written."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from html import escape, unescape
from time import gmtime, strftime
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlsplit

__all__ = [
    "Reply",
    "S3Call",
    "S3Error",
    "all_tags",
    "element",
    "http_date",
    "iso_date",
    "parse_call",
    "read_body",
    "url_encoded",
    "xml_reply",
]

_MOST_BYTES_LINE = 8192


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...
    def readline(self, limit: int, /) -> bytes: ...


# (method, on a key?, the query parameter or header that tells it from its siblings) → S3's name of the operation;
# the first that fits wins.
_OPERATIONS: tuple[tuple[str, bool, str, str], ...] = (
    ("PUT", True, "partNumber", "UploadPart"),
    ("PUT", True, "x-amz-copy-source", "CopyObject"),
    ("PUT", True, "", "PutObject"),
    ("GET", True, "uploadId", "ListParts"),
    ("GET", True, "", "GetObject"),
    ("HEAD", True, "", "HeadObject"),
    ("DELETE", True, "uploadId", "AbortMultipartUpload"),
    ("DELETE", True, "", "DeleteObject"),
    ("POST", True, "uploads", "CreateMultipartUpload"),
    ("POST", True, "uploadId", "CompleteMultipartUpload"),
    ("GET", False, "versioning", "GetBucketVersioning"),
    ("GET", False, "location", "GetBucketLocation"),
    ("GET", False, "uploads", "ListMultipartUploads"),
    ("GET", False, "", "ListObjectsV2"),
    ("HEAD", False, "", "HeadBucket"),
    ("POST", False, "delete", "DeleteObjects"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Call:
    """One request, understood: the operation by S3's name, what it is about, its body decoded."""

    operation: str
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply; the body in pieces, so that large objects are not copied to be sent."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: tuple[bytes | memoryview, ...] = ()

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(map(len, self.body))


class S3Error(Exception):
    """An error as S3 names it."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message or code

    def reply(self) -> Reply:
        """The XML document that S3 sends for it; nothing where HTTP allows no body."""
        if self.status == 304:  # noqa: PLR2004 -- Not Modified
            return Reply(status=self.status)
        return xml_reply("Error", element("Code", self.code), element("Message", self.message), status=self.status)


def parse_call(method: str, target: str, headers: Mapping[str, str], body: bytes) -> S3Call:
    """Understand a path-style request; header names are lower case. `S3Error` if the operation is unknown."""
    parts = urlsplit(target)
    bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for known, on_key, marker, operation in _OPERATIONS:
        marked = not marker or marker in query or marker in headers
        if bucket and known == method and on_key == bool(key) and marked:
            return S3Call(operation=operation, bucket=bucket, key=key, query=query, headers=headers, body=body)
    raise S3Error(501, "NotImplemented", f"{method} {target}")


def read_body(headers: Mapping[str, str], stream: _Stream) -> bytes:
    """Read and decode a request's body; `ConnectionError` if the client went away before it was whole."""
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b"".join(_chunks(stream))
    else:
        body = _exactly(stream, int(headers.get("content-length") or 0))
    if headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        body = b"".join(_chunks(_Bytes(body)))
    return body


class _Bytes:
    """As much of a stream as `_chunks` needs, over bytes, without copying them."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._place = 0

    def read(self, size: int) -> bytes:
        self._place += size
        return bytes(self._body[self._place - size : self._place])

    def readline(self, _limit: int) -> bytes:
        start = self._place
        while self._place < len(self._body) and self._body[self._place] != ord("\n"):
            self._place += 1
        self._place += 1
        return bytes(self._body[start : self._place])


def _chunks(stream: _Stream) -> Iterable[bytes]:
    """Both HTTP's and AWS's chunks: a line with the size (and an extension), the bytes, an empty line; trailers."""
    while size := int(stream.readline(_MOST_BYTES_LINE).split(b";")[0].strip() or b"0", 16):
        yield _exactly(stream, size)
        stream.readline(_MOST_BYTES_LINE)
    while stream.readline(_MOST_BYTES_LINE).strip():
        pass


def _exactly(stream: _Stream, size: int) -> bytes:
    body = stream.read(size) if size else b""
    if len(body) != size:
        raise ConnectionError(f"the client sent {len(body)} of {size} bytes")
    return body


def element(name: str, content: object) -> str:
    """One XML element with escaped text."""
    return f"<{name}>{escape(str(content), quote=False)}</{name}>"


def xml_reply(root: str, *children: str, status: int = 200) -> Reply:
    """A reply with an XML document; the children are XML already."""
    namespace = "" if root == "Error" else ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}{namespace}>{"".join(children)}</{root}>'
    return Reply(status=status, headers={"Content-Type": "application/xml"}, body=(document.encode(),))


def all_tags(document: bytes, name: str) -> list[str]:
    """The texts of all elements of that name, in order; clients' documents are flat enough for that."""
    return [unescape(text) for text in re.findall(rf"<{name}>(.*?)</{name}>", document.decode(), re.DOTALL)]


def http_date(seconds: float) -> str:
    """As headers have it."""
    return formatdate(seconds, usegmt=True)


def iso_date(seconds: float) -> str:
    """As listings have it."""
    return strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(seconds))


def url_encoded(key: str) -> str:
    """As listings have keys if `encoding-type=url` asked for it."""
    return quote(key, safe="/")
