"""Reading every blob again, slowly, to find what a disk has lost."""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from esm_client.core.disk import write_whole
from esm_server.db.columns import now
from esm_server.operations.blob_users import users_of
from esm_server.operations.hashing import Pace, fault_of
from esm_server.operations.opening import Registry, Watch, nobody_watches
from esm_server.operations.setting_aside import set_aside

STATE = "scrub.json"
SAVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Damage:
    """A blob whose bytes are not what its digest says."""

    digest: str
    fault: str
    needed_by: list[str]
    set_aside: str | None = None
    """The file that holds what is left of it, if it was moved."""


@dataclass(slots=True)
class Scrub:
    """What was read, and what is wrong with it."""

    resumed: bool = False
    """Whether it went on where an interrupted one had stopped."""
    blobs: int = 0
    bytes: int = 0
    damaged: list[Damage] = field(default_factory=list["Damage"])


def scrub(
    registry: Registry,
    pace: Pace,
    *,
    older: timedelta = timedelta(0),
    repair: bool = False,
    restart: bool = False,
    watch: Watch = nobody_watches,
) -> Scrub:
    """Verify all blobs that were stored longer than `older` ago, in the order of their digests.

    Interrupted, the next one goes on where this one was, unless `restart`. With `repair` what is
    damaged is set aside, so that a push of the same content mends it.
    """
    state = registry.data_dir / STATE
    if restart:
        state.unlink(missing_ok=True)
    after, known = _stopped_at(state)
    done = Scrub(resumed=bool(after))
    blobs = [
        blob
        for blob in registry.store.stored()
        if (blob.digest > after and blob.modified_at <= now() - older) or blob.digest in known
    ]
    blobs.sort(key=lambda blob: blob.digest)
    total = sum(blob.size for blob in blobs)
    saved = time.monotonic()
    try:
        for blob in blobs:
            fault = fault_of(registry.store, blob.digest, pace)
            # what is missing was swept since we listed it, or is for `check` to find
            if fault is not None and registry.store.size(blob.digest) is not None:
                done.damaged.append(_damaged(registry, blob.digest, fault, repair=repair))
            done.blobs += 1
            done.bytes += blob.size
            after = max(after, blob.digest)
            watch(done.bytes, total)
            if time.monotonic() - saved > SAVE_SECONDS:
                _save(state, after, done)
                saved = time.monotonic()
    except BaseException:  # what was read whole need not be read again
        _save(state, after, done)
        raise
    state.unlink(missing_ok=True)
    return done


def _damaged(registry: Registry, digest: str, fault: str, *, repair: bool) -> Damage:
    with registry.database.read() as session:
        users = users_of(session, [digest]).get(digest, [])
    moved = set_aside(registry, digest) if repair else None
    return Damage(digest, fault, users, str(moved) if moved else None)


def _save(state: Path, after: str, done: Scrub) -> None:
    known = [blob.digest for blob in done.damaged]
    write_whole(state, json.dumps({"after": after, "damaged": known}).encode())


def _stopped_at(state: Path) -> tuple[str, list[str]]:
    """The last digest that was read, and what was found damaged: it is looked at again."""
    try:
        saved = json.loads(state.read_bytes())
        return str(saved["after"]), [str(digest) for digest in saved["damaged"]]
    except (OSError, ValueError, KeyError, TypeError):  # none, or not ours: from the beginning
        return "", []
