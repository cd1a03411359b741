"""`esm-client whoami`."""

from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_line


def whoami(session: Session) -> None:
    """Show whose token you use, and its rights."""
    with session.client() as client:
        identity = client.whoami()
        url = client.url
    until = f"until {identity.expires_at:%Y-%m-%d %H:%M} UTC" if identity.expires_at else "no end"
    where = f" in {identity.namespace} only" if identity.namespace else ""
    session.output.result(
        {"url": url, **identity.model_dump(mode="json")},
        names=[identity.name],
        human=lambda: print_line(
            one_line(f"{identity.name} at {url}, may {_RIGHTS[identity.scope]}{where}, {until}")
        ),
    )


_RIGHTS = {
    "read": "read and rank",
    "write": "read, rank, push and edit",
    "admin": "administer what is theirs",
}
