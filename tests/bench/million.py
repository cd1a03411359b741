"""A registry of a million versions: does listing, searching or pushing grow slower?

    python tests/bench/million.py [--versions 1000000] [--database sqlite|postgresql] [--repeat 30]

Metadata alone, written straight into a real server's database, one ESM in 200 namespaces for each
version; a hundred of them first, then all. The same requests are timed over HTTP both times, in
this process, for as many rows. Prints medians in milliseconds and their ratio; last, one JSON line.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.backends import backends
from faults.deeds import write_esm
from support.registry import RunningRegistry

from esm_client import Client
from esm_server.db import EsmRow, EsmVersionRow, NamespaceRow, VersionFileRow
from esm_server.db.columns import now
from esm_server.registry import text_postgresql, text_sqlite

FIRST, BATCH, NAMESPACES = 100, 5000, 200
WORDS = [f"word{index}" for index in range(5000)]


def rows(numbers: range, space_id: int) -> Iterator[tuple[dict, dict, list[dict], dict]]:
    """ESM, version, files and texts, by number, the same in every run."""
    at = now()
    for number in numbers:
        rng = random.Random(number)
        namespace, name = f"team-{rng.randrange(NAMESPACES):03d}", f"{rng.choice(WORDS)}-{number}"
        data_set, digest = f"org/{rng.choice(WORDS)}", f"sha256:{number:064x}"
        card = " ".join(rng.choice(WORDS) for _ in range(40))
        esm = {
            "id": number, "namespace": namespace, "name": name, "space_id": space_id,
            "description": "", "last_number": 1, "num_versions": 1, "latest_number": 1,
            "live": True, "data_set": data_set, "kind": "classification", "architecture": "affine",
            "language": rng.choice(["en", "de", "fr", "es"]), "owner": f"user-{number % 300}",
            "created_at": at, "updated_at": at,
        }  # fmt: skip
        version = {
            "id": number, "esm_id": number, "version": 1, "digest": digest, "size": 600_000,
            "architecture": "affine", "dimension": 48, "card": card, "provenance": {},
            "findings": [], "created_at": at, "created_by": "bench", "fit": None,
            "source": {}, "task": {"data_set": data_set, "text_columns": ["text"], "num_rows": 100,
                                   "label_column": "label", "split": "train", "seed": 1},
        }  # fmt: skip
        files = [
            {
                "version_id": number,
                "name": each,
                "digest": digest,
                "size": 300_000,
                "namespace": namespace,
            }
            for each in ("config.json", "model.safetensors")
        ]
        yield (
            esm,
            version,
            files,
            {"name": f"{namespace} {name}", "task": data_set, "tags": "", "prose": card},
        )


def fill(server: RunningRegistry, numbers: range) -> None:
    """Write versions of these numbers, and count the keys on from there."""
    (space_id,) = server.query("SELECT id FROM spaces WHERE name = 'space'")[0]
    database = server.database()
    words = text_postgresql if database.engine.dialect.name == "postgresql" else text_sqlite
    found = rows(numbers, space_id)
    while batch := list(islice(found, BATCH)):
        esms, versions, files, texts = zip(*batch, strict=True)
        with database.write() as session:
            run = session.connection().execute
            run(EsmRow.__table__.insert(), list(esms))
            run(EsmVersionRow.__table__.insert(), list(versions))
            run(VersionFileRow.__table__.insert(), [file for own in files for file in own])
            run(
                words.INSERT,
                [
                    {"id": esm["id"], **words.values(own)}
                    for esm, own in zip(esms, texts, strict=True)
                ],
            )
    database.close()


def prepare(server: RunningRegistry, folder: Path) -> None:
    """Namespaces, and one pushed ESM that makes the space."""
    database = server.database()
    names = [
        {"name": f"team-{index:03d}", "description": "", "private": False, "created_at": now(),
         "created_by": "bench"}
        for index in range(NAMESPACES)
    ]  # fmt: skip
    with database.write() as session:
        session.connection().execute(NamespaceRow.__table__.insert(), names)
    database.close()
    with Client(server.url, server.admin_token, cache_dir=folder / "cache") as client:
        push(client, folder, 0)


def settle(server: RunningRegistry) -> None:
    """What a database does by itself in time: statistics, and keys that go on from the last."""
    database = server.database()
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if database.engine.dialect.name == "postgresql":
            for table in ("esms", "esm_versions"):
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
                    f"(SELECT MAX(id) FROM {table}))"
                )
            connection.exec_driver_sql("VACUUM ANALYZE")
        else:
            connection.exec_driver_sql("ANALYZE")
    database.close()


def push(client: Client, folder: Path, number: int) -> None:
    directory = write_esm(folder / f"pushed-{number}", 10**7 + number)
    client.push(directory, f"team-000/pushed-{number}", space="space")


def requests(server: RunningRegistry, folder: Path, first: int) -> dict[str, Callable]:
    """What is timed; each is given how often it was called before."""
    esm, version, *_ = next(rows(range(2, 3), 0))
    words = " ".join(version["card"].split()[:2])
    client = server.client(server.admin_token)
    pushing = Client(server.url, server.admin_token, cache_dir=folder / "cache")

    def get(path: str, **params: object) -> Callable[[int], None]:
        return lambda _: client.get(path, params=params).raise_for_status()

    def show(_: int) -> None:
        client.get(f"/v1/esms/{esm['namespace']}/{esm['name']}").raise_for_status()

    return {
        "list": get("/v1/esms", limit=50),
        "list, from the middle": get("/v1/esms", limit=50, after="name:team-100/word"),
        "list of a namespace": get("/v1/esms", limit=1, namespace=esm["namespace"]),
        "list by language, newest first": get("/v1/esms", limit=1, language="de", sort="newest"),
        "list of an owner": get("/v1/esms", limit=1, owner=esm["owner"]),
        "search of one ESM": get("/v1/esms", q=esm["name"], limit=1),
        "search of two words": get("/v1/esms", q=words, limit=1),
        "show": show,
        "push": lambda times: push(pushing, folder, first + times),
    }


def measure(
    server: RunningRegistry, folder: Path, first: int, repeat: int
) -> tuple[dict[str, float], int]:
    """Median milliseconds of each request, and how many versions were pushed."""
    medians = {}
    for name, request in requests(server, folder, first).items():
        seconds = []
        for times in range(repeat + 3):
            began = time.perf_counter()
            request(times)
            seconds.append(time.perf_counter() - began)
        medians[name] = 1e3 * statistics.median(seconds[3:])
    return medians, repeat + 3


def main() -> None:
    """Measure both sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=1_000_000)
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgresql"])
    parser.add_argument("--repeat", type=int, default=30)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with backends(wanted.database, "local", folder) as found:
            server = RunningRegistry(folder / "registry", found.env)
            try:
                prepare(server, folder)
                fill(server, range(2, FIRST + 2))
                settle(server)
                few, pushed = measure(server, folder, 1, wanted.repeat)
                began = time.perf_counter()
                fill(server, range(FIRST + 2 + pushed, wanted.versions + FIRST + 2 + pushed))
                settle(server)
                print(f"{wanted.versions} versions written in {time.perf_counter() - began:.0f} s")
                many, _ = measure(server, folder, 1 + pushed, wanted.repeat)
            finally:
                server.kill()
    print(f"{wanted.database:32} {'100':>8} {wanted.versions:>9} {'ratio':>6}")
    for request, median in many.items():
        print(f"{request:32} {few[request]:8.1f} {median:9.1f} {median / few[request]:6.2f}")
    print(json.dumps({"database": wanted.database, "few_ms": few, "many_ms": many}))


if __name__ == "__main__":
    main()
