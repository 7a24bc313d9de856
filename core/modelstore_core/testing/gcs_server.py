"""A server in this process that speaks the XML API of Google Cloud Storage as far as obstore does, for tests.

It is the S3 server with the differences that matter: a write is conditional by `x-goog-if-generation-match`, S3's
headers for that mean nothing, deleting what is not there is an error, and a caller is known by a bearer token. It was
written from Google's documentation; nobody has compared it with the real service.

    with GCSServer(["models"]) as server:
        os.environ["GOOGLE_BEARER_TOKEN"] = "any"
        storage = open_storage("gs://models", endpoint=server.endpoint)
"""

from collections.abc import Collection
from dataclasses import replace
from itertools import count

from modelstore_core.testing.s3_buckets import Buckets
from modelstore_core.testing.s3_server import S3Script, S3Server
from modelstore_core.testing.s3_wire import Reply, S3Call, S3Error

__all__ = ["GCSServer"]

_OF_S3 = frozenset({"if-match", "if-none-match"})
_ABSENT = "0"


class GCSServer(S3Server):
    """A server with some buckets, running between `__enter__` and `__exit__`.

    Args:
        buckets: The buckets there are.
        token: If given, requests must carry it as a bearer token.
        read_only: Whether all writing operations get AccessDenied.
        script: Places faults exactly, by S3's names of the operations; may be exchanged while the server runs.
    """

    def __init__(
        self,
        buckets: Collection[str],
        *,
        token: str | None = None,
        read_only: bool = False,
        script: S3Script | None = None,
    ) -> None:
        super().__init__(buckets, read_only=read_only, script=script)
        self.buckets = _Buckets(buckets)
        self._token = token

    def _authorize(self, call: S3Call) -> None:
        if self._token is not None and call.headers.get("authorization") != f"Bearer {self._token}":
            raise S3Error(401, "AuthenticationRequired", "Authentication required.")
        super()._authorize(call)


class _Buckets(Buckets):
    def __init__(self, names: Collection[str]) -> None:
        super().__init__(names)
        self._numbers = count(1)

    def apply(self, call: S3Call) -> Reply:
        """As S3 would, in Google's words."""
        if call.operation == "DeleteObject":
            super().apply(replace(call, operation="HeadObject"))  # an error if there is none
        if call.operation not in {"PutObject", "CompleteMultipartUpload"}:
            return super().apply(call)
        reply = super().apply(replace(call, headers=_conditions_of_s3(call)))
        return replace(reply, headers={**reply.headers, "x-goog-generation": str(next(self._numbers))})


def _conditions_of_s3(call: S3Call) -> dict[str, str]:
    headers = {name: value for name, value in call.headers.items() if name not in _OF_S3}
    wanted = call.headers.get("x-goog-if-generation-match")
    if wanted == _ABSENT:
        headers["if-none-match"] = "*"
    elif wanted is not None:
        raise S3Error(501, "NotImplemented", "only the generation 0 is known here")
    return headers
