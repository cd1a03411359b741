"""`esm-client logout`."""

from esm_client.cli.options.session import Session
from esm_client.cli.output import print_line


def logout(session: Session) -> None:
    """Forget the stored token.

    That of --url, or else of the registry you logged in to last.
    """
    from esm_client.remote.config.credentials import credentials_file, forget_token
    from esm_client.remote.config.settings import check_url

    url = session.options.url
    gone = forget_token(credentials_file(), check_url(url) if url else None)
    session.output.result(
        {"url": gone},
        names=[gone] if gone else [],
        human=lambda: print_line(
            f"Forgot the token for {gone}." if gone else "No token was stored."
        ),
    )
