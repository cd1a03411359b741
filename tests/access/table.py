"""docs/access.md: the table that the tests check, written by `python tests/access/table.py`."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from access.actors import ACTORS, expected  # noqa: E402
from access.commands import COMMANDS  # noqa: E402
from access.endpoints import ENDPOINTS  # noqa: E402

DOCUMENT = ROOT / "docs" / "access.md"
SHORT = {"admin with a read token": "admin, read", "admin with a write token": "admin, write"}


def render() -> str:
    """The document: endpoints, then commands."""
    names = [SHORT.get(actor, actor) for actor in ACTORS]
    header = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    rows = "".join(
        f"| `{endpoint.method} {endpoint.path}`{_note(endpoint)} | "
        f"{' | '.join(str(expected(endpoint, actor)) for actor in ACTORS)} |\n"
        for endpoint in ENDPOINTS
    )
    commands = "".join(
        f"| `{' '.join(command.words)}` | {command.needs} |\n" for command in COMMANDS
    )
    return (
        "# Who may do what\n\n"
        "The status each endpoint answers to each role in a private namespace. `foreign` is an "
        "admin of another namespace, `limited` an admin's token for another namespace; `admin, "
        "read` is an admin with a token of the scope read; `root` is an admin of the registry. "
        "Rankings and their outcomes are for the user who asked for them, none of these, and root. "
        "Written by `python tests/access/table.py`; the tests send every request of it.\n\n"
        f"{header}{rows}\n"
        "What each command of `esm-client` needs: a role, or a token, or nothing. "
        "`asker`: to be the user who asked for the ranking, or `root`.\n\n"
        f"| command | needs |\n|---|---|\n{commands}"
    )


def _note(endpoint) -> str:
    return " (protected alias)" if endpoint.path_values else ""


if __name__ == "__main__":
    DOCUMENT.write_text(render())
