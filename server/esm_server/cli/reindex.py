"""`esm-server reindex`."""

from dataclasses import asdict

from esm_server.cli.options import AsJson, DataDir, settings_of


def reindex(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Make vectors, text index and the engine's maps anew from database and files.

    Exits with 0, 1 for an error, 3 when files of some versions could not be read.
    """
    from esm_server.cli.working import end, no_server, show, watched
    from esm_server.operations import reindex as operation
    from esm_server.operations.opening import opened

    settings = settings_of(data_dir)
    with (
        opened(settings) as registry,
        no_server(settings) as free,
        watched("indexing") as watch,
    ):
        done = operation.reindex(registry, server_runs=not free, watch=watch)
    lines = [f"{done.versions} versions and {done.esms} ESMs are indexed anew."]
    if not done.engine_dropped:
        lines.append("A server runs: restart it to use new vectors; it keeps its maps at hand.")
    lines += [f"problem  the files of {one} cannot be read" for one in done.unreadable]
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.unreadable))
