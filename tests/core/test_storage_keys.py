"""The grammar of keys."""

import pytest

from modelstore_core.errors import InvalidInput
from modelstore_core.storage.keys import check_key, check_prefix, is_key
from modelstore_core.testing.storage_contract import HOSTILE_KEYS


def test_a_key_is_returned_as_it_is() -> None:
    assert check_key("models/risk/log/1.json") == "models/risk/log/1.json"
    assert check_prefix("models/") == "models/"
    assert check_prefix("") == ""


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_what_could_leave_the_root_or_be_refused_by_a_backend_is_no_key(key: str) -> None:
    assert not is_key(key)
    with pytest.raises(InvalidInput, match="is not a key"):
        check_key(key)


@pytest.mark.parametrize("key", [None, 3, b"a", ["a"]])
def test_only_text_is_a_key(key: object) -> None:
    with pytest.raises(InvalidInput, match="is not a string"):
        check_key(key)  # type: ignore[arg-type] # on purpose
    with pytest.raises(InvalidInput, match="End it with a slash"):
        check_prefix(key)  # type: ignore[arg-type] # on purpose


def test_a_long_key_does_not_make_a_long_message() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_key("a" * 100_000)

    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("key", "allowed"), [("é" * 127, True), ("é" * 128, False), ("a/" * 512, False)])
def test_limits_are_in_bytes(key: str, *, allowed: bool) -> None:
    assert is_key(key) is allowed
