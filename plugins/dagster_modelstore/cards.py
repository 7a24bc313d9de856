"""What a materialization shows of its version: a card for people, and numbers that the UI plots."""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import dagster as dg

from dagster_modelstore.markdown import cut, markdown_card, text_of
from modelstore_core import Finding, ModelVersion, Records

__all__ = [
    "evidence_table",
    "records_table",
    "signature_metadata",
    "version_metadata",
    "versions_table",
]

_MOST_METRICS = 8
_MOST_ROWS = 100


def version_metadata(version: ModelVersion) -> dict[str, dg.MetadataValue]:
    """What the materialization says of its version; Dagster plots the numbers over time."""
    return {
        "modelstore/card": dg.MetadataValue.md(markdown_card(version)),
        "modelstore/ref": dg.MetadataValue.text(version.ref),
        "modelstore/version": dg.MetadataValue.int(version.number),
        "modelstore/size": dg.MetadataValue.int(version.size),
        "modelstore/digest": dg.MetadataValue.text(version.digest),
        "modelstore/url": dg.MetadataValue.text(version.url),
    }


def versions_table(versions: Sequence[ModelVersion]) -> dg.MetadataValue:
    """The newest versions of the model, with the metrics that the newest of them has."""
    metrics = list(versions[0].metrics)[:_MOST_METRICS] if versions else []
    records = [
        dg.TableRecord(
            {
                "version": version.number,
                "aliases": ", ".join(version.aliases),
                "partition": cut(str(version.lineage.get("partition", ""))),
                "created": f"{version.created_at:%Y-%m-%d %H:%M} UTC by {cut(version.created_by)}",
                "size": version.size,
                **{name: _number(version.metrics.get(name)) for name in metrics},
            }
        )
        for version in versions
    ]
    heads = ("version", "aliases", "partition", "created", "size", *metrics)
    return _table(records, heads, numbers={"version", "size"})


def signature_metadata(version: ModelVersion) -> dict[str, dg.MetadataValue]:
    """What the model takes and gives, as a table, if the version knows it."""
    records = [
        dg.TableRecord({"side": side, **_column(spec)})
        for side in ("inputs", "outputs")
        for spec in _specs((version.signature or {}).get(side))
    ]
    if not records:
        return {}
    return {"modelstore/signature": _table(records, ("side", "name", "type", "required"), numbers=set())}


def _specs(text: object) -> list[Mapping[str, object]]:
    """The columns of one side of a signature, which is JSON within JSON; none if it is anything else."""
    with suppress(ValueError):
        found = json.loads(text) if isinstance(text, str) else None
        return [spec for spec in found if isinstance(spec, Mapping)] if isinstance(found, list) else []
    return []


def _column(spec: Mapping[str, object]) -> dict[str, str]:
    tensor = spec.get("tensor-spec")
    kind = f"{tensor.get('dtype')} {tensor.get('shape')}" if isinstance(tensor, Mapping) else str(spec.get("type"))
    required = "yes" if spec.get("required", True) else "no"
    return {"name": cut(str(spec.get("name", ""))), "type": cut(kind), "required": required}


def _table(records: Sequence[dg.TableRecord], heads: Sequence[str], *, numbers: set[str]) -> dg.MetadataValue:
    columns = [dg.TableColumn(head, type="int" if head in numbers else "string") for head in heads]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))


def records_table(records: Records[Any]) -> dg.MetadataValue:
    """Any records as a table, the first hundred of them."""
    heads = records.columns()
    rows = [
        dg.TableRecord({head: cut(text_of(row.get(head))) for head in heads}) for row in records[:_MOST_ROWS].rows()
    ]
    return _table(rows, heads, numbers=set())


def evidence_table(evidence: Iterable[object]) -> dg.MetadataValue:
    """What each gate found, with the numbers of both sides."""
    records = [
        dg.TableRecord(
            {
                "rule": finding.rule,
                "candidate": _number(finding.candidate),
                "current": _number(finding.current),
                "verdict": "passed" if finding.passed else "refused",
            }
        )
        for finding in evidence
        if isinstance(finding, Finding)
    ]
    return _table(records, _EVIDENCE, numbers=set())


_EVIDENCE = ("rule", "candidate", "current", "verdict")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
