"""Looking at a version from outside: its bytes are compared with the record and scanned, and none is loaded."""

from collections.abc import Sequence

from modelstore_core.artifacts.reading import Artifacts
from modelstore_core.formats.drift import drift_of
from modelstore_core.formats.survey import NAMES_A_CLASS, Survey, survey
from modelstore_core.formats.trust import Trust
from modelstore_core.model.digest import FileEntry
from modelstore_core.model.inspection import Drift, InspectedFile, Inspection
from modelstore_core.model.names import parse_reference
from modelstore_core.model.operations import AddVersion
from modelstore_core.model.records import ModelVersion, Records
from modelstore_core.store.handle import Handle
from modelstore_core.store.loading import with_version

__all__ = ["inspect"]


def inspect(handle: Handle, record: ModelVersion, trust: Trust) -> Inspection:
    """What is to be known of the version before it is loaded."""

    def use(artifacts: Artifacts, added: AddVersion, files: Sequence[FileEntry]) -> Survey:
        sizes = {file.path: file.size for file in files}
        with artifacts.opened(added.data, files) as folder:
            return survey(folder, format=added.format, loads=added.loads, sizes=sizes, trust=trust)

    with handle.meter("load", record.ref) as meter:
        found = with_version(handle, parse_reference(record.ref), meter, use)
    return _inspection(record, found, trust)


def _inspection(record: ModelVersion, found: Survey, trust: Trust) -> Inspection:
    names = {name for file in found.files if file.opened for name in file.globals}
    unpickled = {name for file in found.files if file.opened and file.kind != NAMES_A_CLASS for name in file.globals}
    said = set(record.globals)
    return Inspection(
        ref=record.ref,
        format=record.format,
        model_type=record.model_type,
        trust=trust.level,
        allowed=found.refusal is None,
        refusal="" if found.refusal is None else str(found.refusal),
        globals=tuple(sorted(names)),
        not_recorded=tuple(sorted(unpickled - said)),
        not_found=tuple(sorted(said - unpickled)),
        risks=(*found.risks, *_of_files(found), *_of_record(unpickled, said)),
        files=Records(found.files, InspectedFile),
        drift=Records(drift_of(record.environment, pickled=bool(unpickled)), Drift),
        install=record.install,
        signature=record.signature,
        proved=record.proved,
    )


def _of_files(found: Survey) -> list[str]:
    return [f"{file.path}: {risk}" for file in found.files for risk in file.risks]


def _of_record(names: set[str], said: set[str]) -> list[str]:
    risks = []
    if names - said:
        risks.append(f"the files name what the record does not: {', '.join(sorted(names - said))}")
    if said - names:
        risks.append(f"the record names what the files do not: {', '.join(sorted(said - names))}")
    return risks
