"""`esm-client spaces`."""

from esm_client.cli.session import Session


def spaces(session: Session) -> None:
    """List embedding spaces."""
    with session.client() as client, session.output.working("Listing"):
        known = list(client.spaces())

    def human() -> None:
        rows = [
            (
                space.name,
                str(space.num_esms),
                space.identity.base_model,
                space.identity.pooling,
                str(space.identity.max_length),
                str(space.identity.dimension),
            )
            for space in known
        ]
        columns = ("space", "ESMs", "base model", "pooling", "max length", "dimension")
        session.output.table(columns, rows, right=("ESMs", "max length", "dimension"))

    session.output.result(known, names=[space.name for space in known], human=human)
