"""For all tests."""

import pytest

# Before anything imports them: the suites that are shipped for others assert with the details that tests show.
pytest.register_assert_rewrite("modelstore_core.testing")
