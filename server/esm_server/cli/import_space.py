"""`esm-server import`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from esm_server.cli.options import AsJson, DataDir, settings_of


def import_space(
    file: Annotated[Path, typer.Argument(help="What esm-server export wrote.")],
    user: Annotated[str, typer.Option(help="Who publishes what is new.")] = "admin",
    force: Annotated[
        bool, typer.Option("--force", help="Also what the policy lets be forced.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Publish the ESMs of an exported space here, beside a running server.

    Exits with 0, 1 for an error, 3 when some were refused.
    """
    from esm_client.core.errors import DigestMismatch, InvalidArtifact, InvalidInput
    from esm_server.admission.policy import AdmissionPolicy
    from esm_server.cli.words import in_option_words
    from esm_server.cli.working import end, show
    from esm_server.operations.import_space import SpaceImport
    from esm_server.operations.opening import opened
    from esm_server.operations.operator import acting_for
    from esm_server.possession.service import Possession
    from esm_server.registry.publishing import PublishService
    from esm_server.system.version import server_version
    from esm_server.telemetry.metrics import Metrics

    settings = settings_of(data_dir)
    with opened(settings) as registry:
        with registry.database.read() as session:
            caller = acting_for(session, user)
        registry.store.spool.mkdir(parents=True, exist_ok=True)
        publishing = PublishService(
            registry.database,
            registry.store,
            Possession(registry.database),
            AdmissionPolicy(settings.verdicts),
            lambda _space, _digests: None,  # the engine's files are its server's
            Metrics(server_version()),
            open_namespaces=True,
        )
        importing = SpaceImport(registry.database, registry.store, publishing, caller)
        try:
            done = importing.run(file, force=force)
        except (DigestMismatch, InvalidArtifact, InvalidInput) as cause:
            raise InvalidInput(
                f"{file} is no whole export: {cause.message}",
                "Export the space or copy the file again.",
            ) from cause
    lines = [f"{done.new} versions are new in {done.space}, {done.known} were here."]
    lines += [
        f"refused  {reference}: {in_option_words(why)}" for reference, why in done.refused.items()
    ]
    show(asdict(done), lines, as_json=as_json)
    end(problems=bool(done.refused))
