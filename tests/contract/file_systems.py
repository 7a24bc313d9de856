"""File systems that lack what others have."""

import errno
import os
from typing import NoReturn


def unsupported(*_: object, **__: object) -> NoReturn:
    """A system call that the file system does not know."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))
