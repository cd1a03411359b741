"""Reporting what came of a ranking, and the ledger, at the command line and from Python."""

import json

import pytest

from esm_client import Client, EsmError

UNSURE = "; whether copies of your data are ranked is not known"
"""Ready embeddings have no texts to compare."""


@pytest.fixture(name="ranking")
def _ranking(done, esm_directory, namespace, arrays):
    """A ranking of two ESMs: its id and its sources, best first."""
    for seed, name in enumerate("ab"):
        directory = esm_directory(name, seed=seed)
        done("push", directory, f"{namespace}/{name}", "--space", namespace)
    embeddings, labels = arrays
    asked = ("--space", namespace, "--embeddings", embeddings, "--labels", labels)
    made = json.loads(done("rank", *asked, "--json"))
    return made["id"], [row["reference"] for row in made["rows"]]


def test_report_and_ledger(done, esm, ranking, namespace):
    ranking, (first, second) = ranking
    nothing = esm("ledger", namespace)
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert f"Nothing to tell of {namespace} yet" in nothing.stderr
    printed = done("report-outcome", ranking, first, "0.5", "--seed", "3")
    assert printed == f"{ranking}: {first} (rank 1{UNSURE}) has accuracy 0.5, seed 3.\n"
    stored = json.loads(done("report-outcome", ranking, second, "0.8", "--json"))
    assert (stored["reference"], stored["rank"], stored["metric"]) == (second, 2, 0.8)
    printed = done("report-outcome", ranking, "none", 0.45)
    assert printed == f"{ranking}: no intermediate task has accuracy 0.45.\n"
    unsure, header, row, legend = done("ledger", namespace).splitlines()
    assert header.split("  ")[0] == "method"
    assert row.split() == [
        "log-maximum-evidence", "1", "3", "37.50", "%", "-", "-", "100", "%", "of", "1",
    ]  # fmt: skip
    assert legend.startswith("regret@k: how far")
    assert unsure.startswith("2 of the 3 outcomes of log-maximum-evidence: where they were")
    assert done("ledger", namespace, "-q") == "log-maximum-evidence\n"
    ledger = json.loads(done("ledger", namespace, "--json"))
    assert ledger["space"] == namespace
    assert ledger["entries"][0]["regret_at_1"] == pytest.approx(37.5)


def test_again_replaces(done, ranking, registry):
    ranking, (first, _) = ranking
    for metric in ("0.5", "0.75"):
        done("report-outcome", ranking, first, metric, "--metric-name", "macro-f1")
    done("report-outcome", ranking, first, "--metric-name", "neg-mse", "--", "-2.5")
    with Client(registry.url, registry.write_token) as client:
        stored = list(client.outcomes.list(ranking))
    assert [(one.metric_name, one.metric) for one in stored] == [
        ("macro-f1", 0.75), ("neg-mse", -2.5),
    ]  # fmt: skip


def test_ranks_by_other_methods_come_from_python(done, ranking, registry, namespace):
    ranking, (first, second) = ranking
    with Client(registry.url, registry.write_token) as client:
        client.outcomes.report(ranking, first, 0.5, method_ranks={"text-embedding": 2})
        client.outcomes.report(ranking, second, 0.8, method_ranks={"text-embedding": 1})
        found = client.outcomes.ledger(namespace)
        with pytest.raises(EsmError, match="without a source has no ranks"):
            client.outcomes.report(ranking, None, 0.8, method_ranks={"text-embedding": 1})
        with pytest.raises(EsmError, match=r"^method_ranks\.Text!.*: .*pattern"):
            client.outcomes.report(ranking, first, 0.8, method_ranks={"Text!": 1})
    assert [one.method for one in found.entries] == ["log-maximum-evidence", "text-embedding"]
    assert found.entries[1].regret_at_1 == 0.0


def test_what_cannot_be_reported(esm, fails, ranking, namespace):
    ranking, (first, _) = ranking
    message, _ = fails("report-outcome", ranking, first, "nan")
    assert message == "metric is 'nan': input should be a finite number."
    message, _ = fails("report-outcome", ranking, first, "0.5", "--metric-name", "My metric")
    assert message.startswith("metric_name is 'My metric': ")
    message, hint = fails("report-outcome", ranking, first.partition("@")[0], "0.5")
    assert "is not among the source tasks of the ranking" in message
    assert first in hint
    message, _ = fails("report-outcome", "0" * 32, first, "0.5")
    assert message == f"There is no ranking '{'0' * 32}' of yours."
    message, _ = fails("ledger", f"{namespace}-x")
    assert "no embedding space" in message
    wrong = esm("report-outcome", ranking, first, "good")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
