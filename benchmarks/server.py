"""An S3 server in a process of its own, so that its work is not taken for a client's.

It is `modelstore_core.testing.s3_server`: Python, in memory, one lock. It says how much a client asks and what that
costs the client; it does not say how fast S3 is.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from benchmarks.peers import ROOT

from modelstore_core.testing.s3_server import S3Server
from modelstore_core.testing.s3_wire import S3Call

__all__ = ["BUCKET", "Server", "serving"]

BUCKET = "bench"


class Server:
    """The server, from outside."""

    def __init__(self, commands: IO[str], answers: IO[str]) -> None:
        self._commands = commands
        self._answers = answers
        self.endpoint = str(json.loads(answers.readline()))

    @property
    def environment(self) -> Mapping[str, str]:
        """What clients have to know: everybody finds it in the environment."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def counts(self) -> Mapping[str, int]:
        """How many requests there were of each kind since the last time this was asked."""
        counts: Mapping[str, int] = self._ask("counts")
        return counts

    def clear(self) -> None:
        """Forget all objects."""
        self._ask("clear")

    def _ask(self, command: str) -> Mapping[str, int]:
        self._commands.write(f"{command}\n")
        self._commands.flush()
        answer: Mapping[str, int] = json.loads(self._answers.readline())
        return answer


@contextmanager
def serving(latency_ms: float = 0) -> Iterator[Server]:
    """A server with an empty bucket, each request taking so much longer; it ends when its standard input does."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server", str(latency_ms)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(process.stdin, process.stdout)
        finally:
            process.stdin.close()
            process.wait(60)


def _clear(server: S3Server) -> None:
    for key in server.buckets.keys(BUCKET):
        server.buckets.apply(S3Call(operation="DeleteObject", bucket=BUCKET, key=key, query={}, headers={}, body=b""))


def _main() -> None:
    with S3Server([BUCKET], latency_ms=float(sys.argv[1])) as server:
        print(json.dumps(server.endpoint), flush=True)
        for line in sys.stdin:
            if line.strip() == "clear":
                _clear(server)
            print(json.dumps(server.counts()), flush=True)
            server.reset()


if __name__ == "__main__":
    _main()
