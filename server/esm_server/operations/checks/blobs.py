"""Whether the store holds what the database names."""

from collections.abc import Iterator

from esm_server.operations.blob_users import named_blobs, shown, users_of
from esm_server.operations.finding import Finding, Report
from esm_server.operations.hashing import fault_of
from esm_server.operations.opening import Registry, Watch

MENDED = "A push of the same content mends it."
MENDED_ASIDE = "Once it is set aside, a push of the same content mends it."


def check_blobs(
    registry: Registry, report: Report, *, deep: bool, watch: Watch
) -> Iterator[Finding]:
    """Files that are missing or of another size; with `deep` all are read and hashed.

    Notes in the report how many blobs nothing names: no error, they wait for `gc`.
    """
    with registry.database.read() as session:
        named = named_blobs(session)
    stored = {blob.digest: blob.size for blob in registry.store.stored()}
    report.blobs = len(stored)
    unnamed = stored.keys() - named.keys()
    report.unreferenced_blobs = len(unnamed)
    report.unreferenced_bytes = sum(stored[digest] for digest in unnamed)
    suspects: dict[str, str] = {}
    for number, (digest, size) in enumerate(sorted(named.items())):
        watch(number, len(named))
        fault = _fault(registry, digest, size, stored.get(digest), deep=deep)
        if fault is not None:
            suspects[digest] = fault
    yield from _named_still(registry, suspects)


def _fault(
    registry: Registry, digest: str, size: int, stored: int | None, *, deep: bool
) -> str | None:
    if stored is None and registry.store.size(digest) is None:
        return "is missing"
    if stored is not None and stored != size:
        return f"has {stored} bytes, not {size}"
    return fault_of(registry.store, digest) if deep else None


def _named_still(registry: Registry, suspects: dict[str, str]) -> Iterator[Finding]:
    # while we looked, a version may have been deleted and its blobs swept
    with registry.database.read() as session:
        users = users_of(session, list(suspects))
    for digest, fault in suspects.items():
        if digest in users:
            missing = fault == "is missing"
            yield Finding(
                "blob-missing" if missing else "blob-damaged",
                digest,
                f"It {fault}; needed by {shown(users[digest])}. "
                f"{MENDED if missing else MENDED_ASIDE}",
                repairable=False,
                key=digest,
            )
