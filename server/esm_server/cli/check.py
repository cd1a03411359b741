"""`esm-server check`."""

from dataclasses import asdict
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read and hash every file.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Compare database, files and all that was derived from them.

    Exits with 0 when all is well, 1 for an error, 3 when there are problems (left).
    """
    from esm_server.cli.working import end, no_server, show, shown_bytes, watched
    from esm_server.operations import check as operation
    from esm_server.operations.opening import opened

    settings = settings_of(data_dir)
    with opened(settings, any_schema=True) as registry, watched("checking") as watch:
        if repair:
            with no_server(settings) as free:
                how = operation.Repair(server_runs=not free)
                report = operation.check_and_repair(registry, how, deep=deep, watch=watch)
        else:
            report = operation.check(registry, deep=deep, watch=watch)
    lines = [f"{report.versions} versions, {report.blobs} blobs looked at."]
    lines += [f"repaired  {one.code}  {one.where}: {one.what}" for one in report.repaired]
    lines += [f"set aside {digest} is now {path}" for digest, path in report.set_aside.items()]
    for one in report.findings:
        how_to = "esm-server check --repair mends it" if one.repairable else "cannot be repaired"
        if one.code == "blob-damaged" and not repair:
            how_to = "esm-server check --deep --repair sets it aside"
        if one.code == "engine-damaged" and repair:
            how_to = "its server runs: stop it and repair, or restart it, which mends it too"
        lines.append(f"problem   {one.code}  {one.where}: {one.what} ({how_to})")
    if report.unreferenced_blobs:
        size = shown_bytes(report.unreferenced_bytes)
        lines.append(
            f"note      {report.unreferenced_blobs} blobs ({size}) are named by nothing: "
            "esm-server gc removes them."
        )
    lines.append(f"{len(report.findings)} problems." if report.findings else "All is well.")
    show(asdict(report), lines, as_json=as_json)
    end(problems=bool(report.findings))
