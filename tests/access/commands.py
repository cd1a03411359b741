"""Every command of esm-client: what it needs, and arguments to try it with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One row: `needs` as in endpoints.py; `arguments` are filled with names that exist."""

    words: tuple[str, ...]
    needs: str
    arguments: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether what it names may not be as it was once it ended well."""
        return self.needs not in ("nobody", "token", "reader", "asker", "some-admin")


COMMANDS = [
    Command(("rank",), "token", ("--space", "space", "--embeddings", "{x}", "--labels", "{y}")),
    Command(("pull",), "reader", ("{esm}", "{fresh}")),
    Command(("list",), "token"),
    Command(("search",), "token", ("word",)),
    Command(("show",), "reader", ("{esm}",)),
    Command(("ranking",), "asker", ("{ranking}",)),
    Command(("report-outcome",), "asker", ("{ranking}", "{esm}@1", "0.5")),
    Command(("ledger",), "token", ("space",)),
    Command(("similar",), "reader", ("{esm}",)),
    Command(("train",), "nobody", ("--help",)),
    Command(("build",), "nobody", ("--help",)),
    Command(("columns",), "nobody", ("--help",)),
    Command(("evaluate",), "nobody", ("--help",)),
    Command(("transfer",), "nobody", ("--help",)),
    Command(("import",), "nobody", ("--help",)),
    Command(("export",), "nobody", ("--help",)),
    Command(("push",), "writer", ("{directory}", "{esm}", "--space", "space")),
    Command(("push-all",), "nobody", ("--help",)),
    Command(("attach",), "writer", ("{esm}", "{model}")),
    Command(("edit",), "writer", ("{esm}", "--description", "x")),
    Command(("yank",), "writer", ("{esm}@1", "--reason", "x")),
    Command(("unyank",), "writer", ("{esm}@1",)),
    Command(("delete",), "admin", ("{esm}", "--yes")),
    Command(("login",), "nobody", ("--help",)),
    Command(("logout",), "nobody"),
    Command(("whoami",), "token"),
    Command(("audit",), "some-admin"),
    Command(("doctor",), "token"),
    Command(("alias", "list"), "reader", ("{esm}",)),
    Command(("alias", "set"), "writer", ("{esm}", "new", "1")),
    Command(("alias", "remove"), "writer", ("{esm}", "stable")),
    Command(("alias", "history"), "reader", ("{esm}", "stable")),
    Command(("alias", "rollback"), "writer", ("{esm}", "stable")),
    Command(("namespace", "list"), "token"),
    Command(("namespace", "show"), "reader", ("team",)),
    Command(("namespace", "create"), "write", ("{new}",)),
    Command(("namespace", "edit"), "admin", ("team", "--description", "x")),
    Command(("namespace", "members"), "reader", ("team",)),
    Command(("namespace", "add"), "admin", ("team", "{user}")),
    Command(("namespace", "remove"), "admin", ("team", "{user}")),
    Command(("token", "list"), "token"),
    Command(("token", "create"), "token", ("{new}",)),
    Command(("token", "rotate"), "holder", ("{token_id}",)),
    Command(("token", "revoke"), "holder", ("{token_id}",)),
    Command(("user", "list"), "root"),
    Command(("user", "disable"), "root", ("{user}",)),
    Command(("user", "enable"), "root", ("{user}",)),
    Command(("spaces", "list"), "token"),
    Command(("spaces", "show"), "token", ("space",)),
    Command(("spaces", "create"), "nobody", ("--help",)),
    Command(("spaces", "edit"), "founder", ("space", "--location", "/x")),
    Command(("spaces", "map"), "token", ("space",)),
    Command(("spaces", "pull"), "token", ("space", "{fresh}")),
    Command(("cache", "ls"), "nobody"),
    Command(("cache", "clear"), "nobody"),
]
