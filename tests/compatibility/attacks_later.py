"""What comes back later: revoked rights, a second server, a copy of the target as the winner."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from compatibility.attacked import Attacked, document, is_done, token, unique
from compatibility.editions import ROOT

LOOKS = """
import sys
from esm_client import Client
found = Client().ranking(sys.argv[1])
print(found.best.reference, found.top(1)[0].reference, found.to_pandas()["reference"][0])
"""


@dataclass(frozen=True)
class Restored:
    """A registry from a backup, and people with what they had when it was made."""

    revoked: httpx.Client
    removed: httpx.Client
    namespace: str
    disabled: httpx.Client
    rotated: httpx.Client


def a_revoked_token_after_a_restore(world: Attacked) -> bool:
    return is_done(_restored(world).revoked.get("/v1/whoami"))


def a_removed_member_after_a_restore(world: Attacked) -> bool:
    restored = _restored(world)
    assert is_done(restored.removed.get("/v1/whoami"))
    return is_done(restored.removed.get(f"/v1/namespaces/{restored.namespace}"))


def a_disabled_person_after_a_restore(world: Attacked) -> bool:
    return is_done(_restored(world).disabled.get("/v1/whoami"))


def a_rotated_secret_after_a_restore(world: Attacked) -> bool:
    return is_done(_restored(world).rotated.get("/v1/whoami"))


def a_second_server_on_a_database(world: Attacked) -> bool:
    return _starts(world, world.data_dir)


def a_second_server_by_way_of_a_link(world: Attacked) -> bool:
    link = world.folder / unique("link")
    link.symlink_to(world.data_dir)
    return _starts(world, link)


def a_second_server_by_way_of_dots(world: Attacked) -> bool:
    return _starts(world, world.data_dir / ".." / world.data_dir.name)


def a_copy_is_the_best_when_looked_up(world: Attacked) -> bool:
    return _is_the_copy(world, 0)


def a_copy_is_at_the_top_when_looked_up(world: Attacked) -> bool:
    return _is_the_copy(world, 1)


def a_copy_is_first_in_a_data_frame(world: Attacked) -> bool:
    return _is_the_copy(world, 2)


@cache
def _restored(world: Attacked) -> Restored:
    """Back up, take rights away, tell the backups as far as the edition can, and restore."""
    people = [world.party() for _ in range(4)]
    revoked, removed, disabled, rotated = (
        (person, token(person.client, scope="write")) for person in people
    )
    host = world.party()
    host.admit(removed[0])
    backups, place = world.folder / "backups", world.folder / "restored"
    _done(world, "backup", backups)
    document(world.root.delete(f"/v1/tokens/{revoked[1]['id']}"))
    host.expel(removed[0])
    _disable(world, disabled[0].user)
    document(rotated[0].client.post(f"/v1/tokens/{rotated[1]['id']}/rotate"))
    listed = world.command("backup", backups, "--revocations-only")
    assert listed.returncode == 0 or "No such option" in listed.stderr, listed.stderr
    _done(world, "restore", backups, data_dir=place)
    server = world.serve(place)
    clients = [
        world.client(made["secret"], server) for _, made in (revoked, removed, disabled, rotated)
    ]
    return Restored(clients[0], clients[1], host.namespace, clients[2], clients[3])


def _disable(world: Attacked, user: str) -> None:
    """End all that somebody can do, with one act or, where there is none, token by token."""
    if world.root.patch(f"/v1/users/{user}", json={"disabled": True}).status_code == 404:
        for made in document(world.root.get("/v1/tokens", params={"user": user}))["items"]:
            document(world.root.delete(f"/v1/tokens/{made['id']}"))


def _done(world: Attacked, *arguments: object, data_dir: Path | None = None) -> None:
    done = world.command(*arguments, data_dir=data_dir)
    assert done.returncode == 0, done.stderr


def _starts(world: Attacked, folder: Path) -> bool:
    """Whether one more server starts on the database in a folder, with other data of its own."""
    url = f"sqlite:///{folder}/registry.sqlite3"
    assert (folder / "registry.sqlite3").exists()
    refusal = "Another esm-server uses the database"
    try:
        server = world.serve(world.folder / unique("second"), ESM_SERVER_DATABASE_URL=url)
    except RuntimeError as error:
        if refusal not in str(error):
            raise
        return False
    server.stop()
    return True


@cache
def _looked_up(world: Attacked) -> tuple[str, list[str]]:
    """A ranking from which the shield left a copy out: that, and what another process shows."""
    secret = token(world.party().client, scope="write")["secret"]
    where = {"ESM_REGISTRY_URL": world.server.url, "ESM_REGISTRY_TOKEN": secret}
    script, space = Path(__file__).with_name("rank_a_copy.py"), unique("space")
    quiet = ("-W", "ignore")
    ranked = world.edition.python(*quiet, script, ROOT / "tests", space, world.folder, **where)
    ranking, copy = ranked.split()
    return copy, world.edition.python(*quiet, "-c", LOOKS, ranking, **where).split()


def _is_the_copy(world: Attacked, look: int) -> bool:
    """Whether one of the looks at the ranking shows the copy first."""
    copy, shown = _looked_up(world)
    assert shown[look].partition("/")[0] == copy.partition("/")[0], shown
    return shown[look] == copy
