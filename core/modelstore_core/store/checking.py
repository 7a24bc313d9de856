"""The verbs that look whether a store is sound, and whether a storage is fit for one."""

import re

from modelstore_core.errors import InvalidInput
from modelstore_core.model import names
from modelstore_core.model.findings import Diagnosis, Verification
from modelstore_core.store.handle import Handle

__all__ = ["doctor", "verify"]


def verify(handle: Handle, name: str | None, *, read_data: bool | str, repair: bool, head: str | None) -> Verification:
    """What is damaged, and what of it could be repaired or was."""
    from modelstore_core.maintenance import inspecting, verifying  # not for those who only load a model

    request = inspecting.Request(
        name=None if name is None else names.check_name(name),
        share=verifying.parse_share(read_data),
        repair=repair,
        remembered=None if head is None else _checked_head(head, name),
        patience=handle.settings.patience,
    )
    return verifying.verify(handle.storage, handle.ports, request)


def doctor(handle: Handle, *, read_only: bool) -> Diagnosis:
    """What came of trying what a store needs of its storage."""
    from modelstore_core.maintenance import diagnosing

    return diagnosing.diagnose(handle.storage, handle.ports, handle.settings.patience, read_only=read_only)


def _checked_head(head: str, name: str | None) -> str:
    if name is None:
        raise InvalidInput("A remembered head is one model's.", value=head, fix="Name the model.")
    if not isinstance(head, str) or not re.fullmatch("[0-9a-f]{64}", head):
        raise InvalidInput(
            f"head={head!r} is no sha256.", value=head, fix="Pass the 64 digits that `heads` of an earlier answer has."
        )
    return head
