"""Column detection against layouts of known truth, built from real tasks.

    python tests/bench/columns.py --data DIR

DIR holds tasks.json and `tasks/<task>.jsonl.gz`. Each line of layouts.txt names a task, columns as
name=content, and behind the arrow the right text columns and the right label columns (any of
several that say the same). Prints what was got wrong or was in doubt and, last, one JSON line.
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np

from esm_client.lab.data.columns.detect import detect_columns

ROWS = 1000
LAYOUTS = Path(__file__).with_name("layouts.txt")


def main() -> None:
    """Detect every layout."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    names = {t["task_id"]: t["label_names"] for t in json.loads((data / "tasks.json").read_text())}
    counts = {"layouts": 0, "right": 0, "right and certain": 0, "wrong and silent": 0}
    for number, line in enumerate(LAYOUTS.read_text().splitlines()):
        task, _, rest = line.partition(": ")
        columns, _, truth = rest.partition(" -> ")
        texts, _, labels = truth.partition(" | ")
        sample = _sample(data, task, columns, names[task], np.random.default_rng(number))
        choice = detect_columns(sample, {})
        known = sorted(sample, key=len, reverse=True)
        right = list(choice.text_columns) == _split(texts, known) and (
            choice.label_column in _split(labels, known)
        )
        counts["layouts"] += 1
        counts["right"] += right
        counts["right and certain"] += right and choice.certain
        counts["wrong and silent"] += not right and choice.certain
        if not right or not choice.certain:
            found = f"{', '.join(choice.text_columns)} | {choice.label_column}"
            verdict = "wrong, said so" if not choice.certain else "WRONG AND SILENT"
            print(f"{'right, in doubt' if right else verdict}: {line}")
            print(f"    found {found}; {' '.join(choice.doubts)}")
    print(json.dumps(counts))


def _split(text: str, known: list[str]) -> list[str]:
    """Column names, which may hold blanks, from a text of them in order."""
    found: list[str] = []
    while text:
        name = next(name for name in known if text == name or text.startswith(f"{name} "))
        found.append(name)
        text = text[len(name) :].strip()
    return found


def _sample(data: Path, task: str, columns: str, names: list[str] | None, random) -> dict:
    with gzip.open(data / "tasks" / f"{task}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(ROWS), strict=False)]
    wanted, current = {}, []
    for word in columns.split(" "):  # names may hold blanks
        if "=" in word:
            name, _, content = word.rpartition("=")
            wanted[" ".join([*current, name])] = content
            current = []
        else:
            current.append(word)
    return {name: _content(content, rows, names, random) for name, content in wanted.items()}


def _content(content: str, rows: list[dict], names: list[str] | None, random) -> list:
    count = len(rows)
    makers = {
        "text": lambda: [row["text"] for row in rows],
        "pair": lambda: [row["text_pair"] for row in rows],
        "label": lambda: [row["label"] for row in rows],
        "name": lambda: [names[row["label"]] if names else f"kind_{row['label']}" for row in rows],
        "bool": lambda: [bool(row["label"]) for row in rows],
        "noisy": lambda: [row["label"] + float(random.normal()) for row in rows],
        "serial": lambda: list(range(count)),
        "bigint": lambda: random.integers(10**15, 10**16, count).tolist(),
        "bigint2": lambda: random.integers(10**6, 10**7, count).tolist(),
        "uuid": lambda: [random.bytes(8).hex() for _ in rows],
        "url": lambda: [f"https://example.org/{random.bytes(4).hex()}" for _ in rows],
        "date": lambda: [f"20{random.integers(10, 24)}-0{random.integers(1, 9)}-11" for _ in rows],
        "year": lambda: random.integers(1990, 2024, count).tolist(),
        "split": lambda: random.choice(["train", "train", "test"], count).tolist(),
        "float": lambda: random.random(count).round(3).tolist(),
        "const": lambda: ["same"] * count,
        "zero": lambda: random.choice([0, 0, 0, 0, 1, 2], count).tolist(),
        "rare": lambda: ["*" if random.random() < 0.3 else None for _ in rows],
        "lang": lambda: random.choice(["en", "en", "en", "fr"], count).tolist(),
        "junk3": lambda: random.choice(["low", "middle", "high"], count).tolist(),
        "junk5": lambda: random.choice(["oak", "elm", "ash", "fir", "yew"], count).tolist(),
        "junk50": lambda: [f"part{n}" for n in random.integers(0, 50, count)],
        "bool2": lambda: (random.random(count) < 0.2).tolist(),
        "person": lambda: [f"user_{n}" for n in random.integers(0, 400, count)],
        "title": lambda: [" ".join(row["text"].split()[:4]) or "none" for row in rows],
        "count": lambda: [len(row["text"].split()) for row in rows],
    }
    return makers[content]()


if __name__ == "__main__":
    main()
