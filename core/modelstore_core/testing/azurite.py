"""Azurite, Microsoft's emulator of Azure Blob Storage, run as a process of this one: all in memory, on 127.0.0.1.

    with Azurite(["azurite-blob"]) as azurite:
        azurite.create_container("models")
        os.environ |= azurite.variables
        storage = open_storage("az://models", endpoint=azurite.endpoint)

`npm install azurite` installs it. It is started so that it tells nobody that it is used.
"""

import base64
import hashlib
import hmac
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from types import TracebackType
from typing import Self
from urllib.parse import urlencode
from urllib.request import Request, urlopen

__all__ = ["Azurite"]

_FLAGS = (
    "--silent",
    "--disableTelemetry",
    "--skipApiVersionCheck",  # clients are newer than any emulator
    "--inMemoryPersistence",
    "--blobHost=127.0.0.1",
    "--blobPort=0",
)
_LISTENS = re.compile(r"successfully listens on (http://[0-9.]+:\d+)")
_VERSION = "2021-08-06"
_VERSION_OF_SIGNATURES = "2020-12-06"
_MOST_SECONDS = 60


class Azurite:
    """Running between `__enter__` and `__exit__`, and as long keeps its containers.

    Args:
        command: The program and what must stand before its flags.

    Attributes:
        account: Its one account.
        key: That account's, the same each time.
    """

    account = "myaccount"
    key = base64.b64encode(hashlib.sha512(b"emulated").digest()).decode()

    def __init__(self, command: Sequence[str]) -> None:
        self._command = [*command, *_FLAGS]
        self._said: list[str] = []
        self._address = ""
        self._started = threading.Event()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 -- the caller's own program
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"},
        )
        self._listener = threading.Thread(target=self._listen, name="azurite")
        self._listener.start()
        self._started.wait(_MOST_SECONDS)
        if not self._address:
            self.__exit__(None, None, None)
            raise RuntimeError("Azurite did not start:\n" + "".join(self._said))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # there is nothing to save, and it would wait for open connections
        self._process.wait()
        self._listener.join()
        if self._process.stdout:
            self._process.stdout.close()

    @property
    def endpoint(self) -> str:
        """The address to give to clients."""
        return f"{self._address}/{self.account}"

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment in which clients find its account and key."""
        return {"AZURE_STORAGE_ACCOUNT_NAME": self.account, "AZURE_STORAGE_ACCOUNT_KEY": self.key}

    def create_container(self, name: str, *, public: bool = False) -> None:
        """Make a new container; a public one can be read without credentials."""
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": _VERSION}
        if public:
            headers["x-ms-blob-public-access"] = "container"
        canonical = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
        path = f"/{self.account}/{name}"
        to_sign = "PUT" + "\n" * 12 + canonical + f"/{self.account}{path}\nrestype:container"
        headers |= {"Authorization": f"SharedKey {self.account}:{self._signed(to_sign)}", "Content-Length": "0"}
        address = f"{self._address}{path}?restype=container"
        with urlopen(Request(address, method="PUT", headers=headers), timeout=_MOST_SECONDS):  # noqa: S310 -- our own
            pass

    def signature(self, container: str, permissions: str) -> str:
        """A shared access signature for what lies in one container: `AZURE_STORAGE_SAS_TOKEN`."""
        expires = "2100-01-01T00:00:00Z"
        resource = f"/blob/{self.account}/{container}"
        # permissions, start, end, resource, identifier, addresses, protocols, version, kind; the rest is empty
        fields = [permissions, "", expires, resource, "", "", "", _VERSION_OF_SIGNATURES, "c", *[""] * 7]
        token = {
            "sv": _VERSION_OF_SIGNATURES,
            "sr": "c",
            "sp": permissions,
            "se": expires,
            "sig": self._signed("\n".join(fields)),
        }
        return urlencode(token)

    def _signed(self, text: str) -> str:
        return base64.b64encode(hmac.digest(base64.b64decode(self.key), text.encode(), "sha256")).decode()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._said.append(line)
            if found := _LISTENS.search(line):
                self._address = found[1]
                self._started.set()
        self._started.set()
