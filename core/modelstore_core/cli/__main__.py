"""`python -m modelstore_core.cli`: the same as `mstore`."""

import sys

from modelstore_core.cli import main

sys.exit(main())
