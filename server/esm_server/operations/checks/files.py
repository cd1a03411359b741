"""Whether files are filed under the namespace of their ESM, whose writers may name them."""

from collections.abc import Iterator

from sqlalchemy import select, update
from sqlmodel import Session

from esm_server.db.columns import metadata
from esm_server.operations.finding import Finding
from esm_server.operations.opening import Registry
from esm_server.possession.repository import FILES

_ESMS, _VERSIONS = metadata.tables["esms"], metadata.tables["esm_versions"]


def check_files(registry: Registry) -> Iterator[Finding]:
    """Files of versions and of source models."""
    with registry.database.read() as session:
        for files in FILES:
            own = files.join(_VERSIONS, _VERSIONS.c.id == files.c.version_id)
            found = (_ESMS.c.namespace, _ESMS.c.name, _VERSIONS.c.version, files.c.name)
            wrong = (
                select(*found, files.c.namespace)
                .select_from(own.join(_ESMS, _ESMS.c.id == _VERSIONS.c.esm_id))
                .where(files.c.namespace != _ESMS.c.namespace)
            )
            for namespace, esm, version, name, filed in session.connection().execute(wrong):
                where = f"{namespace}/{esm}@{version} {name}"
                what = f"It is filed under the namespace {filed!r}."
                yield Finding("file-elsewhere", where, what, True, where)


def file_anew(session: Session) -> None:
    """File all of them under the namespaces of their ESMs."""
    for files in FILES:
        own = (
            select(_ESMS.c.namespace)
            .join(_VERSIONS, _VERSIONS.c.esm_id == _ESMS.c.id)
            .where(_VERSIONS.c.id == files.c.version_id)
            .scalar_subquery()
        )
        wrong = update(files).where(files.c.namespace != own).values(namespace=own)
        session.connection().execute(wrong)
