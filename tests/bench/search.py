"""Latency of lists, searches, facets and filtered pools over 100 000 ESMs.

The rows are written straight into a real server's database, metadata alone, and measured over
HTTP from this process. Usage: python tests/bench/search.py [--esms 100000] [--repeat 20]
"""

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.registry import RunningRegistry

WORDS = [f"word{index}" for index in range(5000)]
LANGUAGES = ["en", "de", "fr", "es", "zh", "ja", "sw", "hi", "ar", "pt", "nl", "pl", "ru", "tr"]
LICENCES = ["cc-by-4.0", "mit", "apache-2.0", "cc-by-sa-4.0", "odc-by", "unknown", None]
DOMAINS = ["reviews", "news", "tweets", "law", "medicine", "forums", "science", "dialogue"]
NOW = "2026-05-0{} 12:00:00.000000"


def zipf(rng: random.Random, values: list) -> object:
    return values[min(int(rng.paretovariate(1.0)) - 1, len(values) - 1)]


def fill(path: Path, count: int) -> None:
    """Metadata of `count` ESMs in 200 namespaces, ten of them private."""
    rng = random.Random(1)
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    rows, versions, tags, texts = [], [], [], []
    for index in range(200):
        database.execute(
            "INSERT INTO namespaces (name, description, private, created_at, created_by) "
            "VALUES (?, '', ?, '2026-05-01 12:00:00.000000', 'bench')",
            (f"team-{index:03d}", index < 10),
        )
    for space in range(3):
        database.execute(
            "INSERT INTO spaces (name, base_model, pooling, max_length, separator, dimension, "
            "canaries, generation, location, description, created_at, created_by) VALUES "
            "(?, 'org/model', 'mean', 128, ' [SEP] ', 384, '[]', 0, '', '', ?, 'bench')",
            (f"space-{space}", NOW.format(1)),
        )
    for number in range(1, count + 1):
        namespace = f"team-{rng.randrange(200):03d}"
        name = f"{rng.choice(WORDS)}-{number}"
        facts = {
            "data_set": f"org/{rng.choice(WORDS)}",
            "kind": "classification" if rng.random() < 0.8 else "regression",
            "language": zipf(rng, LANGUAGES),
        }
        licence, domain = zipf(rng, LICENCES), rng.choice(DOMAINS)
        at = f"2026-05-{rng.randrange(1, 29):02d} {rng.randrange(24):02d}:00:00.{number:06d}"
        card = " ".join(zipf(rng, WORDS) for _ in range(150))
        owner = f"user-{rng.randrange(300)}"
        rows.append(
            (number, namespace, name, rng.randrange(1, 4), 1, 1, 1, 1, facts["data_set"],
             facts["kind"], facts["language"], domain, licence, "linear", owner, at, at)
        )  # fmt: skip
        versions.append(
            (number, number, 1, f"sha256:{number:064x}", 600_000, "linear", 384,
             json.dumps(facts), "{}", card, "{}", "[]", at, owner)
        )  # fmt: skip
        own = {zipf(rng, WORDS) for _ in range(rng.randrange(4))}
        tags += [(number, tag) for tag in own]
        texts.append((number, f"{namespace} {name}", facts["data_set"], " ".join(own), card))
    database.executemany(
        "INSERT INTO esms (id, namespace, name, space_id, last_number, num_versions, "
        "latest_number, live, data_set, kind, language, domain, licence, architecture, owner, "
        f"created_at, updated_at, description) VALUES ({','.join('?' * 17)}, '')",
        rows,
    )
    database.executemany(
        "INSERT INTO esm_versions (id, esm_id, version, digest, size, architecture, dimension, "
        f"task, source, card, provenance, findings, created_at, created_by) "
        f"VALUES ({','.join('?' * 14)})",
        versions,
    )
    database.executemany(
        "INSERT INTO version_files (version_id, name, digest, size, namespace) "
        "VALUES (?, ?, ?, ?, ?)",
        (
            (number, name, f"sha256:{number:064x}", 300_000, namespace)
            for number, namespace, *_ in rows
            for name in ("config.json", "model.safetensors")
        ),
    )
    database.executemany("INSERT INTO esm_tags VALUES (?, ?)", tags)
    database.executemany(
        "INSERT INTO esm_text (rowid, name, task, tags, prose) VALUES (?, ?, ?, ?, ?)", texts
    )
    database.execute("ANALYZE")
    database.commit()
    database.close()


REQUESTS = {
    "unfiltered": {},
    "space": {"space": "space-1"},
    "task": {"task": "org/word42"},
    "kind": {"kind": "regression"},
    "language, common": {"language": "en"},
    "language, rare": {"language": "tr"},
    "two languages": {"language": ["de", "fr"]},
    "licence": {"licence": "mit"},
    "domain": {"domain": "law"},
    "namespace": {"namespace": "team-100"},
    "owner": {"owner": "user-7"},
    "tag, common": {"tag": "word0"},
    "tag, rare": {"tag": "word900"},
    "four filters": {"language": "de", "licence": "mit", "domain": "law", "kind": "regression"},
    "exclude": {"exclude": ["team-050/*", "org/word1"]},
    "newest": {"sort": "newest"},
    "newest, language": {"sort": "newest", "language": "de"},
    "text, rare": {"q": "word4321"},
    "text, common": {"q": "word3"},
    "text, two words": {"q": "word5 word9"},
    "text, prefix": {"q": "word12"},
    "text and language": {"q": "word7", "language": "de"},
    "text, by name": {"q": "word3", "sort": "name"},
    "yanked": {"yanked": "true"},
}


def timed(client, path: str, params: dict, repeat: int) -> tuple[float, float, dict]:
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        response = client.get(path, params=params)
        seconds.append(time.perf_counter() - start)
        response.raise_for_status()
    return statistics.median(seconds), sorted(seconds)[int(0.95 * repeat)], response.json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--esms", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        running = RunningRegistry(Path(folder))
        try:
            start = time.perf_counter()
            fill(Path(folder) / "registry.sqlite3", options.esms)
            print(f"{options.esms} ESMs written in {time.perf_counter() - start:.0f} s")
            measure(running, options.repeat)
        finally:
            running.kill()


def measure(running: RunningRegistry, repeat: int) -> None:
    print(f"{'pages of 50, milliseconds':26s} {'first':>7s} {'p95':>7s} {'1000th':>8s} {'p95':>7s}")
    with running.client(running.read_token) as client:
        for name, params in REQUESTS.items():
            median, worst, page = timed(client, "/v1/esms", {"limit": 50, **params}, repeat)
            line = f"{name:26s} {1000 * median:7.1f} {1000 * worst:7.1f}"
            walked = "q" not in params or name == "text, common"  # the walk takes a minute
            after = thousandth(client, params, page) if walked else None
            if after:
                late = {"limit": 50, **params, "after": after}
                median, worst, page = timed(client, "/v1/esms", late, repeat)
                line += f" {1000 * median:8.1f} {1000 * worst:7.1f}"
            print(f"{line}   {len(page['items'])} rows")
        for name in ("unfiltered", "language, common", "text, common", "owner"):
            median, worst, _ = timed(client, "/v1/esms/facets", REQUESTS[name], repeat)
            print(f"{'facets ' + name:26s} {1000 * median:7.1f} {1000 * worst:7.1f}")


def thousandth(client, params: dict, page: dict) -> str | None:
    """The cursor after 50 000 rows, walked in pages of 200; None where there are fewer."""
    cursor, rows = page["next"], 50
    while cursor and rows < 49_950:
        step = client.get("/v1/esms", params={"limit": 200, **params, "after": cursor}).json()
        cursor, rows = step["next"], rows + len(step["items"])
    return cursor if rows >= 49_950 else None


if __name__ == "__main__":
    main()
