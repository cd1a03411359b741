"""Comparing database, blobs, vectors, text index and engine; mending what follows from others."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session

from esm_client.core.errors import EsmError
from esm_server.audit.record import record
from esm_server.auth.service import OPERATOR
from esm_server.db.migrations import schema_problem
from esm_server.operations.checks.blobs import check_blobs
from esm_server.operations.checks.engine import check_engine, remove_shelves
from esm_server.operations.checks.esms import check_esms, remove_aliases_elsewhere, repair_esm
from esm_server.operations.checks.files import check_files, file_anew
from esm_server.operations.checks.references import check_references, remove_dangling
from esm_server.operations.checks.versions import check_versions
from esm_server.operations.derived import derive, read_artifact, stored_versions
from esm_server.operations.finding import Code, Finding, Report
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.operations.setting_aside import set_aside


def check(registry: Registry, *, deep: bool = False, watch: Watch = nobody_watches) -> Report:
    """Look at everything and change nothing; may run beside a server.

    deep: read and hash every file, and compare what was derived from files with them.
    """
    report = Report()
    problem = schema_problem(registry.database.engine)
    if problem is not None:
        what = f"{problem} Nothing else was looked at."
        report.findings.append(Finding("schema", "database", what, repairable=False))
        return report
    report.findings += check_references(registry)
    report.findings += check_esms(registry)
    report.findings += check_files(registry)
    report.findings += check_versions(registry, report, deep=deep, watch=watch)
    report.findings += check_blobs(registry, report, deep=deep, watch=watch)
    report.findings += check_engine(registry, deep=deep)
    return report


@dataclass(frozen=True, slots=True)
class Repair:
    """How far a repair may go: the engine's files are its server's while one runs."""

    server_runs: bool


def check_and_repair(
    registry: Registry, repair: Repair, *, deep: bool = False, watch: Watch = nobody_watches
) -> Report:
    """Mend what can be mended, then look again: what is not found any more was repaired."""
    before = check(registry, deep=deep, watch=watch)
    if not before.findings or before.findings[0].code == "schema":
        return before
    moved = _mend(registry, repair, before.findings)
    after = check(registry, deep=deep, watch=watch)
    after.set_aside = moved
    left = {(finding.code, finding.key) for finding in after.findings}
    after.repaired = [
        one for one in before.findings if one.repairable and (one.code, one.key) not in left
    ]
    if after.repaired:
        with registry.database.write() as session:
            kinds = sorted({finding.code for finding in after.repaired})
            detail = {"repaired": len(after.repaired), "kinds": kinds}
            record(session, (OPERATOR, ""), "check.repair", "registry", detail=detail)
    return after


def _mend(registry: Registry, repair: Repair, findings: list[Finding]) -> dict[str, str]:
    """Do what can be done; where damaged blobs went."""
    with registry.database.write() as session:
        if _keys(findings, "reference-dangling"):
            remove_dangling(session)
        if _keys(findings, "alias-elsewhere"):
            remove_aliases_elsewhere(session)
        if _keys(findings, "file-elsewhere"):
            file_anew(session)
    for key in _keys(findings, "facts-wrong", "vectors-wrong"):
        derive_again(registry, int(key))
    # after the versions, whose facts they copy
    for key in _keys(findings, "esm-empty", "esm-facts-wrong", "text-index-wrong", "facts-wrong"):
        with registry.database.write() as session:
            for esm_id in _esms_of(session, findings, key):
                repair_esm(session, esm_id)
    paths = {str(key): set_aside(registry, str(key)) for key in _keys(findings, "blob-damaged")}
    if _keys(findings, "engine-damaged") and not repair.server_runs:
        remove_shelves(registry)
    return {digest: str(path) for digest, path in paths.items() if path is not None}


def derive_again(registry: Registry, version_id: int) -> bool:
    """Write a version's derived rows anew; False when its files cannot be read."""
    with registry.database.read() as session:
        found = stored_versions(session, [version_id])
    for stored in found:
        try:
            artifact = read_artifact(registry.store, stored.files)
        except (EsmError, OSError):
            return False
        with registry.database.write() as session:
            derive(session, stored, artifact)
    return True


def _keys(findings: list[Finding], *codes: Code) -> list[int | str]:
    return list(dict.fromkeys(one.key for one in findings if one.code in codes))


def _esms_of(session: Session, findings: list[Finding], key: int | str) -> Iterator[int]:
    """The ESMs a key stands for: itself, or that of a version whose facts were wrong."""
    codes = {one.code for one in findings if one.key == key}
    if codes & {"esm-empty", "esm-facts-wrong", "text-index-wrong"}:
        yield int(key)
    if "facts-wrong" in codes:
        yield from (stored.esm.id or 0 for stored in stored_versions(session, [int(key)]))
