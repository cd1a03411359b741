"""What `esm-server restore` says of what came back."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from esm_server.cli.working import end, show, shown_bytes

if TYPE_CHECKING:
    from esm_server.operations.restore import Restored
    from esm_server.operations.restored_rights import RightsBack


def tell(done: "Restored", *, as_json: bool) -> None:
    """Print what was restored; exits with PROBLEMS where files or admins are missing."""
    size, rights = shown_bytes(done.bytes), done.rights
    lines = [f"{done.rows} rows and {done.blobs} files ({size}) as of {done.created_at}."]
    lines += [f"lost  {digest}" for digest in done.lost]
    document = asdict(done)
    if rights is not None:
        lines += _lines(rights)
        document["rights"] = rights.document()
    show(document, lines, as_json=as_json)
    end(problems=bool(done.lost) or (rights is not None and not rights.has_admin))


def tell_rights(rights: "RightsBack", *, as_json: bool) -> None:
    """Print what became of rights alone; exits with PROBLEMS where no admin is left."""
    show({"rights": rights.document()}, _lines(rights), as_json=as_json)
    end(problems=not rights.has_admin)


def _lines(rights: "RightsBack") -> list[str]:
    """What is said of who may do what."""
    from esm_server.operations.taking_back import shown

    if rights.as_of is None:
        lines = [f"What was revoked since is back. {rights.damage}"]
    else:
        as_of = shown(rights.as_of)
        lines = [f"No list of revocations is newer than {as_of}: what was revoked later is back."]
    lines += [f"taken back  {one}" for one in rights.taken]
    lines += [f"came back  {one}" for one in rights.returned]
    lines += [f"gone  {one}" for one in rights.gone]
    if rights.new_token is not None:
        user, secret = rights.new_token
        lines.append(f"{rights.revoked} tokens were revoked.")
        lines.append(f"{user} token (shown only this once): {secret}")
    if not rights.is_newer:  # nobody knows which of these had been taken meanwhile
        lines += _all(rights)
    lines.append(f"{len(rights.usable)} tokens can be used.")
    if not rights.has_admin:
        lines.append(
            "No admin of the registry has one: esm-server token create --user NAME --scope admin"
        )
    return lines


def _all(rights: "RightsBack") -> Sequence[str]:
    tokens = (f"can be used  token {one.name} of {one.user} ({one.scope})" for one in rights.usable)
    members = (f"member  {one.user} as {one.role} in {one.namespace}" for one in rights.members)
    return [*tokens, *members]
