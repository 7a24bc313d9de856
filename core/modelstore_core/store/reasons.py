"""What people say in a sentence, as it came in."""

from modelstore_core.errors import InvalidInput

__all__ = ["as_reason", "needed_reason"]


def as_reason(value: object) -> str:
    """The text.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(value, str):
        return value
    raise InvalidInput(f"{value!r} is not text.", value=value, fix="Pass a sentence.")


def needed_reason(value: object, what: str) -> str:
    """The reason for what must not happen without one.

    Raises:
        InvalidInput: There is none.
    """
    reason = as_reason(value)
    if not reason.strip():
        raise InvalidInput(f"No reason is given to {what}.", value=value, fix="Pass reason='…': history shows it.")
    return reason
