"""What carries a verb out."""

import argparse
from collections.abc import Callable
from typing import TypeAlias

from modelstore_core.cli.exits import Exit
from modelstore_core.cli.output import Output
from modelstore_core.store.facade import ModelStore

__all__ = ["Do"]

Do: TypeAlias = Callable[[ModelStore, argparse.Namespace, Output], Exit | None]
"""Raises what the Python API raises; how it ends is `OK` unless it says otherwise."""
