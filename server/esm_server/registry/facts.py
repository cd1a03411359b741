"""What an ESM says of itself, kept up to date with its versions."""

from typing import Any

from esm_server.db import EsmRow, EsmVersionRow
from esm_server.db.columns import now
from esm_server.registry.repository import EsmRepository
from esm_server.registry.text_index import TextIndex


def refresh(esms: EsmRepository, esm: EsmRow) -> EsmVersionRow | None:
    """Choose the latest version of an ESM and copy its facts to it; None if it has no version.

    Called in every transaction that publishes, edits, yanks or deletes.
    """
    versions = esms.versions_of(esm)
    if not versions:
        return None
    live = [version for version in versions if version.yanked_at is None]
    latest = (live or versions)[0]
    task: dict[str, Any] = latest.task
    source: dict[str, Any] = latest.source
    esm.num_versions = len(versions)
    esm.latest_number = latest.version
    esm.live = bool(live)
    esm.data_set = task["data_set"]
    esm.kind = task.get("kind")
    esm.language = task.get("language")
    esm.domain = source.get("domain")
    esm.licence = source.get("licence")
    esm.architecture = latest.architecture
    esm.owner = latest.created_by
    esm.updated_at = now()
    esms.save(esm)
    TextIndex(esms.session).put(esm, latest)
    return latest
