"""`esm-server migrate`."""

import typer

from esm_server.cli.options import DataDir, settings_of


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the schema of this version."""
    from esm_server.db.database import Database
    from esm_server.db.migrations import upgrade

    settings = settings_of(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.url)
    upgrade(database.engine)
    database.close()
    typer.echo("The database is up to date.")
