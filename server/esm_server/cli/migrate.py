"""`esm-server migrate`."""

from contextlib import closing

from esm_server.cli.options import AsJson, DataDir, settings_of


def migrate(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Bring the database to the schema of this version; make it where there is none."""
    from esm_server.cli.working import show
    from esm_server.db import revisions
    from esm_server.db.database import Database
    from esm_server.db.migrations import revision_of, upgrade

    settings = settings_of(data_dir)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(Database(settings.url)) as database:
        before, after = revision_of(database.engine), revisions.head()
        upgrade(database.engine)
    if before is None:
        line = f"The database was empty; it was made, with revision {after}."
    elif before == after:
        line = "The database is up to date."
    else:
        line = f"The database went from revision {before} to {after}."
    show({"before": before, "after": after}, [line], as_json=as_json)
