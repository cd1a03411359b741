"""Whether ESMs say of themselves what follows from their versions, and search finds that."""

from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from esm_server.db import AliasRow, EsmRow, EsmVersionRow
from esm_server.operations.blob_users import parts
from esm_server.operations.finding import Finding
from esm_server.operations.opening import Registry
from esm_server.registry.deletion import delete_esm_rows
from esm_server.registry.facts import facts_of, latest_of
from esm_server.registry.text_index import TextIndex


def check_esms(registry: Registry) -> Iterator[Finding]:
    """Columns of ESMs, their texts in the index, and aliases."""
    with registry.database.read() as session:
        ids = session.exec(select(col(EsmRow.id)).order_by(col(EsmRow.id))).all()
        indexed = TextIndex(session).keys()
        for part in parts(ids):
            for esm, versions in _esms(session, part):
                yield from _esm(session, esm, versions, is_indexed=esm.id in indexed)
        for key in sorted(indexed - set(ids)):
            yield Finding("text-index-wrong", f"ESM key {key}", "It is gone.", True, key)
        yield from _aliases(session)


def repair_esm(session: Session, esm_id: int) -> None:
    """Give an ESM the columns and texts that follow from its versions; remove an empty one."""
    texts = TextIndex(session)
    found = _esms(session, [esm_id])
    if not found:
        texts.forget(esm_id)
        return
    esm, versions = found[0]
    if not versions:
        delete_esm_rows(session, esm)
        return
    for name, value in _expected(esm, versions).items():
        setattr(esm, name, value)
    session.add(esm)
    session.flush()
    texts.put(esm, latest_of(versions))


def remove_aliases_elsewhere(session: Session) -> None:
    """Remove aliases that point to versions of other ESMs."""
    for alias, _, _ in _elsewhere(session):
        session.delete(alias)


def _esms(session: Session, ids: Sequence[int | None]) -> list[tuple[EsmRow, list[EsmVersionRow]]]:
    versions: dict[int, list[EsmVersionRow]] = {}
    of_esms = select(EsmVersionRow).where(col(EsmVersionRow.esm_id).in_(ids))
    for version in session.exec(of_esms.order_by(col(EsmVersionRow.version).desc())):
        versions.setdefault(version.esm_id, []).append(version)
    rows = session.exec(select(EsmRow).where(col(EsmRow.id).in_(ids)).order_by(col(EsmRow.id)))
    return [(esm, versions.get(esm.id or 0, [])) for esm in rows.all()]


def _expected(esm: EsmRow, versions: Sequence[EsmVersionRow]) -> dict[str, object]:
    highest = max(version.version for version in versions)
    return {**facts_of(versions), "last_number": max(esm.last_number, highest)}


def _esm(
    session: Session, esm: EsmRow, versions: Sequence[EsmVersionRow], *, is_indexed: bool
) -> Iterator[Finding]:
    path, key = f"{esm.namespace}/{esm.name}", esm.id or 0
    if not versions:
        yield Finding("esm-empty", path, "It has no version.", True, key)
        return
    wrong = [
        f"{name} is {getattr(esm, name)!r}, not {value!r}"
        for name, value in _expected(esm, versions).items()
        if getattr(esm, name) != value
    ]
    if wrong:
        yield Finding("esm-facts-wrong", path, f"{'; '.join(wrong)}.", True, key)
    if not is_indexed:
        yield Finding("text-index-wrong", path, "It is not in the text index.", True, key)
    elif not TextIndex(session).holds(esm, latest_of(versions)):
        yield Finding("text-index-wrong", path, "Other texts of it are indexed.", True, key)


def _aliases(session: Session) -> Iterator[Finding]:
    for alias, esm, version in _elsewhere(session):
        where = f"{esm.namespace}/{esm.name}@{alias.name}"
        what = f"It points to version {version.version} of another ESM."
        yield Finding("alias-elsewhere", where, what, True, where)


def _elsewhere(session: Session) -> Sequence[tuple[AliasRow, EsmRow, EsmVersionRow]]:
    statement = (
        select(AliasRow, EsmRow, EsmVersionRow)
        .join(EsmRow, col(EsmRow.id) == col(AliasRow.esm_id))
        .join(EsmVersionRow, col(EsmVersionRow.id) == col(AliasRow.version_id))
        .where(col(EsmVersionRow.esm_id) != col(AliasRow.esm_id))
    )
    return session.exec(statement).all()
