"""A proxy that loses what it is told to: for servers that have no faults of their own."""

import re
import select
import socket
import threading
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

Loss = Literal["request", "reply"]


class LossyProxy:
    """Passes connections on to an HTTP server, on 127.0.0.1, between `__enter__` and `__exit__`.

    `lose("reply", "PUT /x")` drops the connection of the next request whose first line matches, once the server has
    answered; `lose("request", …)` before the server sees it.
    """

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._server = (parts.hostname or "", parts.port or 80)
        self._path = parts.path
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._wake, self._woken = socket.socketpair()
        self._losses: list[tuple[Loss, re.Pattern[bytes]]] = []
        self._threads = [threading.Thread(target=self._accept, name="lossy-proxy")]
        self.seen: list[str] = []

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wake.close()
        for thread in self._threads:
            thread.join()
        self._listening.close()
        self._woken.close()

    @property
    def endpoint(self) -> str:
        """The server's address, by way of this proxy."""
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}{self._path}"

    def lose(self, what: Loss, line: str) -> None:
        self._losses.append((what, re.compile(line.encode())))

    def _accept(self) -> None:
        while self._woken not in (ready := _readable(self._listening, self._woken)):
            if self._listening in ready:
                thread = threading.Thread(target=self._pass, args=(self._listening.accept()[0],), name="lossy-proxy")
                self._threads.append(thread)
                thread.start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            losing = False
            while self._woken not in (ready := _readable(client, server, self._woken)):
                if client in ready:
                    asked = client.recv(1 << 16)
                    loss = self._loss(asked)
                    if not asked or loss == "request":
                        return
                    losing = losing or loss == "reply"
                    server.sendall(asked)
                if server in ready:
                    said = server.recv(1 << 16)
                    if not said or losing:
                        return
                    client.sendall(said)

    def _loss(self, asked: bytes) -> Loss | None:
        line = asked.partition(b"\r\n")[0]
        if line.endswith(b" HTTP/1.1"):
            self.seen.append(line.decode())
            for loss in self._losses:
                if loss[1].search(line):
                    self._losses.remove(loss)
                    return loss[0]
        return None


def _readable(*sockets: socket.socket) -> list[socket.socket]:
    return select.select(sockets, [], [])[0]
