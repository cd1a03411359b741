"""docs/access.md: the table that the tests check, written by `python tests/access/table.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from access.actors import ACTORS, expected  # noqa: E402
from access.commands import COMMANDS  # noqa: E402
from access.endpoints import ENDPOINTS, THINGS  # noqa: E402

DOCUMENT = ROOT / "docs" / "access.md"
SHORT = {
    "admin with a read token": "admin, read",
    "admin with a write token": "admin, write",
    "limited here": "admin, here",
    "limited": "admin, elsewhere",
    "expiring": "admin, expiring",
    "limited root": "root, here",
}
INTRODUCTION = """# Who may do what

The status each endpoint answers to each role in a private namespace. Of its admin there are \
several tokens: without a limit, of the scopes `read` and `write`, one that ends sooner \
(`expiring`), and two that are limited to a namespace, to this one (`here`) and to another \
(`elsewhere`). `foreign` is an admin of another namespace, `robot` a robot of this one, with the \
scope write, `admin robot` one that administers it; `removed` was an admin of it and is no member \
any more, `disabled` is a disabled one; `root` is an admin of the registry, whose second token is \
limited to this namespace. \
Rankings, spaces and tokens are here those of somebody who is none of these. `/metrics` answers \
everybody on the server's own machine, where the tests are; elsewhere it asks for a token. \
Written by `python tests/access/table.py`; the tests send every request of it.

A token that is limited to a namespace sees nothing of others, public ones included: it lists, \
searches and ranks what lies in its own, and the ledger it reads is of what was ranked within the \
same limit. What an ESM of its namespace says of itself it reads as everybody: its findings, and \
which public one of the space it nearly equals. Spaces belong to no namespace: every token reads \
them, no limited one makes or changes them, and who may not read the namespace of the robot that \
founded one reads `a robot` in place of its name.
"""
OF_ACTORS = """
What belongs to one of them: a receipt to the token it was asked with, a space to who pushed the \
first ESM into it, a token to its user. A limited token reaches only what was made within the same \
limit; a robot's spaces and tokens are for the admins of its namespace, the spaces with a token \
that is not limited.

"""
OF_COMMANDS = """
What each command of `esm-client` needs: a role, or a token, or nothing. `asker`, `founder`, \
`holder`: to be the user who asked for the ranking, founded the space, has the token, or `root`.

| command | needs |
|---|---|
"""


def render() -> str:
    """The document: endpoints, what belongs to actors, then commands."""
    commands = "".join(
        f"| `{' '.join(command.words)}` | {command.needs} |\n" for command in COMMANDS
    )
    return f"{INTRODUCTION}\n{_table(ENDPOINTS)}{OF_ACTORS}{_table(THINGS)}{OF_COMMANDS}{commands}"


def _table(endpoints) -> str:
    names = [SHORT.get(actor, actor) for actor in ACTORS]
    rows = (
        f"| `{endpoint.method} {endpoint.path}`{_note(endpoint)} | "
        f"{' | '.join(str(expected(endpoint, actor)) for actor in ACTORS)} |\n"
        for endpoint in endpoints
    )
    return f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n{''.join(rows)}"


def _note(endpoint) -> str:
    if endpoint.of:
        return f" of `{SHORT.get(endpoint.of, endpoint.of)}`"
    return f" ({endpoint.note})" if endpoint.note else ""


if __name__ == "__main__":
    DOCUMENT.write_text(render())
