"""Objects to folders of files and back. Where an object can predict, its folder is an MLflow model.

What writes and reads is imported when it is first asked for: a handle that only promotes or lists never needs it.
"""

from typing import TYPE_CHECKING

from modelstore_core.formats.protocol import Written
from modelstore_core.formats.trust import Trust, parse_trust

if TYPE_CHECKING:
    from modelstore_core.formats.folders import format_names, read, read_pyfunc, write

__all__ = ["Trust", "Written", "format_names", "parse_trust", "read", "read_pyfunc", "write"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from modelstore_core.formats import folders

    return getattr(folders, name)
