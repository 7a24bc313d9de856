"""On what a run took place, and how busy that was: what a number means without which nobody can say."""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

__all__ = ["described", "load"]


def described(folder: Path) -> Mapping[str, str]:
    """The machine in words, and the file system of the folder in which is measured; nothing that names it."""
    return {
        "CPU": f"{os.cpu_count()} x {_first('/proc/cpuinfo', 'model name') or platform.processor() or 'unknown'}",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "file system": _file_system(folder),
        "Python": platform.python_version(),
    }


def load() -> float:
    """How many processes wanted to run during the last minute."""
    return round(os.getloadavg()[0], 1)


def _memory() -> str:
    kilobytes = _first("/proc/meminfo", "MemTotal").split()
    return f"{int(kilobytes[0]) / 2**20:.0f} GiB" if kilobytes else "unknown"


def _first(path: str, field: str) -> str:
    with suppress(OSError):
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == field:
                return value.strip()
    return ""


def _file_system(folder: Path) -> str:
    """The type of the mount that is nearest above the folder."""
    above = {str(path) for path in (folder.resolve(), *folder.resolve().parents)}
    mounts = [(mount, kind) for mount, kind in _mounts() if mount in above]
    return max(mounts, key=lambda mount: len(mount[0]))[1] if mounts else "unknown"


def _mounts() -> Iterator[tuple[str, str]]:
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
            _, mount, kind, *_ = line.split()
            yield mount, kind
