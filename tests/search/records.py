"""Records to ask about, made without a store."""

from datetime import UTC, datetime
from typing import Any

from modelstore_core import ModelVersion

_EPOCH = datetime(2026, 3, 1, tzinfo=UTC)


def version(number: int = 1, **fields: Any) -> ModelVersion:
    """A version of `risk.churn` that has nothing to say but what is given."""
    plain: dict[str, Any] = {
        "name": "risk.churn",
        "number": number,
        "digest": f"sha256:{number:064x}",
        "size": 10 * number,
        "format": "sklearn",
        "model_type": "",
        "metrics": {},
        "params": {},
        "tags": {},
        "description": "",
        "files": (),
        "aliases": (),
        "lineage": {},
        "environment": {},
        "signature": None,
        "globals": (),
        "created_at": _EPOCH,
        "created_by": "ada",
        "changed_at": _EPOCH,
        "key": None,
        "attempt": 0,
        "supersedes": None,
        "superseded_by": None,
        "deleted": False,
        "purged": False,
        "url": f"s3://bucket/models/risk.churn/data/{number}",
    }
    return ModelVersion(**{**plain, **fields})
