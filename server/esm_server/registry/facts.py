"""What an ESM says of itself, kept up to date with its versions."""

from collections.abc import Sequence
from typing import Any

from esm_server.db import EsmRow, EsmVersionRow
from esm_server.db.columns import now
from esm_server.registry.repository import EsmRepository
from esm_server.registry.text_index import TextIndex


def latest_of(versions: Sequence[EsmVersionRow]) -> EsmVersionRow:
    """The newest live one of an ESM's versions, newest first; the newest where all are yanked."""
    return next((version for version in versions if version.yanked_at is None), versions[0])


def facts_of(versions: Sequence[EsmVersionRow]) -> dict[str, Any]:
    """Columns of an ESM that follow from its versions, newest first."""
    latest = latest_of(versions)
    task: dict[str, Any] = latest.task
    source: dict[str, Any] = latest.source
    return {
        "num_versions": len(versions),
        "latest_number": latest.version,
        "live": latest.yanked_at is None,
        "data_set": task["data_set"],
        "kind": task.get("kind"),
        "language": task.get("language"),
        "domain": source.get("domain"),
        "licence": source.get("licence"),
        "architecture": latest.architecture,
        "owner": latest.created_by,
    }


def refresh(esms: EsmRepository, esm: EsmRow) -> EsmVersionRow | None:
    """Choose the latest version of an ESM and copy its facts to it; None if it has no version.

    Called in every transaction that publishes, edits, yanks or deletes.
    """
    versions = esms.versions_of(esm)
    if not versions:
        return None
    for name, value in facts_of(versions).items():
        setattr(esm, name, value)
    esm.updated_at = now()
    esms.save(esm)
    latest = latest_of(versions)
    TextIndex(esms.session).put(esm, latest)
    return latest
