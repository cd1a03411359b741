"""Break a registry again and again while clients use it, and count what was lost (make fault-test).

    python tests/faults/run.py [--kills 100] [--faults 20] [--database D] [--storage S] [--seed 0]

Every run is one combination of back ends and one kind of fault: the server killed, PostgreSQL or
the S3 server killed and started again, an S3 server that answers wrongly, a full disk, a clock that
jumps. Clients push, move aliases, yank, delete and rank all the time, and `esm-server gc` sweeps;
what they were told had been done is compared with what is there afterwards. Prints a table and,
last, one JSON line; exits with 1 if anything was lost, half there or wrong.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults import kinds as of
from faults.backends import COMBINATIONS, Backends, backends
from faults.world import World


def runs(database: str, storage: str) -> Iterator[tuple[str, of.Fault]]:
    """The kinds of faults that a combination can meet."""
    yield "server killed", of.kill_the_server
    if database == "postgresql":
        yield "database killed", of.kill_the_database
    if storage == "s3":
        yield "store killed", of.kill_the_store
        yield "store answers wrongly", of.answer_wrongly
    if (database, storage) == ("sqlite", "local"):
        yield "disk full", of.fill_the_disk
        yield "clock jumps", of.move_the_clock


def run(name: str, fault: of.Fault, found: Backends, folder: Path, times: int, seed: int) -> World:
    """One kind of fault, `times` times."""
    with ExitStack() as stack:
        env = dict(found.env)
        if fault is of.fill_the_disk:
            stack.enter_context(of.small_disk(folder / "registry"))
        if fault is of.move_the_clock:
            env |= of.clock_env(folder)
        if fault is of.answer_wrongly:
            env |= stack.enter_context(of.relayed(found))
        world = World(folder, env, found, seed=seed)
        try:
            for number in range(times):
                fault(world)
                if sys.stderr.isatty():
                    print(f"\r{name}: {number + 1} of {times}", end="", file=sys.stderr)
        finally:
            world.close()
    return world


def main() -> None:
    """Run every kind of fault on the combinations asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of the server, per combination")
    parser.add_argument("--faults", type=int, default=20, help="of any other kind, each")
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    parser.add_argument("--storage", choices=["local", "s3"])
    parser.add_argument("--kind", help="only this kind of fault")
    parser.add_argument("--seed", type=int, default=0)
    wanted = parser.parse_args()
    reports, sound = [], True
    for database, storage in COMBINATIONS:
        if wanted.database not in (None, database) or wanted.storage not in (None, storage):
            continue
        for name, fault in runs(database, storage):
            if wanted.kind not in (None, name):
                continue
            times = wanted.kills if fault is of.kill_the_server else wanted.faults
            with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
                own = Path(folder)
                found = stack.enter_context(backends(database, storage, own))
                began = time.monotonic()
                world = run(name, fault, found, own / "run", times, wanted.seed)
                report = world.report(f"{database}, {storage}: {name}")
                report["seconds"] = round(time.monotonic() - began)
            sound &= world.verdict.sound
            show(report, world)
            reports.append(report)
    print(json.dumps(reports))
    sys.exit(0 if sound else 1)


def show(report: dict, world: World) -> None:
    """One run's figures, and all that is wrong."""
    told, cut = sum(report["acknowledged"].values()), sum(report["refused or cut off"].values())
    print(
        f"{report['run']:45} {report['faults']:4} faults {told:6} acknowledged {cut:6} refused or "
        f"cut off {report['versions verified']:6} verified; lost {report['lost']}, half "
        f"{report['half']}, wrong {report['wrong']}, unclean {report['unclean checks']}",
        flush=True,
    )
    verdict = world.verdict
    for text in (*verdict.lost, *verdict.half, *verdict.wrong, *verdict.unclean):
        print(f"    {text}", flush=True)


if __name__ == "__main__":
    main()
