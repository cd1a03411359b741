"""Earlier rankings at the command line: the copy of the target that was left out stays out."""

import json
import shutil

import pytest
from support.copied_target import OTHERS, TEXTS, CopiedTarget
from support.relay import Answer

from esm_client import Client


@pytest.fixture(name="client")
def _client(registry, environment, monkeypatch):
    """Python on the machine of the user of the command line."""
    monkeypatch.setenv("XDG_DATA_HOME", environment["XDG_DATA_HOME"])
    monkeypatch.setenv("XDG_CACHE_HOME", environment["XDG_CACHE_HOME"])
    with Client(registry.url, registry.write_token) as client:
        yield client


@pytest.fixture(name="copied")
def _copied(client, namespace, tmp_path) -> CopiedTarget:
    return CopiedTarget(client, namespace, tmp_path)


@pytest.fixture(name="ranking")
def _ranking(client, copied) -> str:
    return copied.rank(client).id


@pytest.fixture(name="elsewhere")
def _elsewhere(tmp_path) -> dict[str, dict[str, str]]:
    """An option for commands of another machine."""
    return {"env": {"XDG_DATA_HOME": str(tmp_path / "elsewhere")}}


class TestRanking:
    def test_the_copy_is_not_named_as_the_best(self, esm, copied, ranking):
        shown = esm("ranking", ranking)
        assert shown.returncode == 0, shown.stderr
        lines = shown.stdout.splitlines()
        assert lines[2].split()[:2] == ["1", copied.second]
        assert f"Left out: {copied.copy} holds 100 % of your rows." in lines
        assert f"Go on with: esm-client pull {copied.second}" in lines
        assert (shown.stdout + shown.stderr).count(copied.copy) == 1

    def test_nor_in_a_document_or_a_pipe(self, done, copied, ranking):
        document = json.loads(done("ranking", ranking, "--json"))
        assert [row["reference"] for row in document["rows"]] == [copied.second, copied.third]
        shield = document["shield"]
        assert (shield["state"], shield["cautions"]) == ("known", [])
        assert shield["left_out"] == [copied.copy]
        assert shield["overlaps"][copied.copy]["share"] == 1.0
        assert done("ranking", ranking, "-q").split() == [copied.second, copied.third]
        assert done("ranking", ranking, "-q", "--top", "1").split() == [copied.second]

    def test_on_another_machine_it_is_said_before(self, esm, copied, ranking, elsewhere):
        shown = esm("ranking", ranking, **elsewhere)
        lines = shown.stdout.splitlines()
        assert lines[1].startswith("Whether these sources hold copies of your data is not known")
        assert copied.copy not in "".join(lines[:2])
        assert lines[3].split()[:2] == ["1", copied.copy]
        assert "hold copies" not in shown.stderr
        assert "Go on with" not in shown.stdout, "nobody knows that it is no copy"

    def test_on_another_machine_in_a_document_or_a_pipe(self, esm, copied, ranking, elsewhere):
        told = esm("ranking", ranking, "--json", **elsewhere)
        document = json.loads(told.stdout)
        assert next(iter(document)) == "shield"
        assert document["shield"]["state"] == "unknown"
        (caution,) = document["shield"]["cautions"]
        assert told.stderr.splitlines().count(f"warning: {caution}") == 1
        piped = esm("ranking", ranking, "-q", **elsewhere)
        assert piped.stdout.split()[0] == copied.copy
        assert f"warning: {caution}" in piped.stderr.splitlines()

    def test_a_damaged_record_is_one_sentence(self, esm, copied, ranking, tmp_path):
        (path,) = (tmp_path / "data" / "esm-registry" / "verdicts").glob("*.json")
        path.write_text("{")
        shown = esm("ranking", ranking)
        assert shown.returncode == 0
        assert shown.stdout.splitlines()[1] == (
            "Whether these sources hold copies of your data is not known here: "
            f"{path} is damaged. Rank again to know."
        )

    def test_several_together(self, done, client, copied, namespace, ranking, tmp_path):
        other = CopiedTarget(client, f"{namespace}-b", tmp_path, draw=8)
        names = done("ranking", f"{ranking}+{other.rank(client).id}", "-q").split()
        assert set(names) == {copied.second, copied.third, other.second, other.third}

    def test_ready_embeddings_have_no_texts(self, done, arrays, copied):
        asked = ("--space", copied.space, "--embeddings", arrays[0], "--labels", arrays[1])
        first = done("rank", *asked).splitlines()
        assert first[1].startswith("Whether these sources hold copies of your data is not known")
        again = done("ranking", first[0].split()[1].rstrip(":")).splitlines()
        assert again[:6] == first[:6]

    def test_the_records_are_no_part_of_the_cache(self, done, copied, ranking):
        done("cache", "clear")
        assert done("ranking", ranking, "-q").split() == [copied.second, copied.third]


class TestOutcomes:
    def test_the_rank_is_the_one_that_was_shown(self, done, client, copied, ranking):
        printed = done("report-outcome", ranking, copied.second, "0.7")
        assert printed == f"{ranking}: {copied.second} (rank 1) has accuracy 0.7.\n"
        done("report-outcome", ranking, copied.third, "0.8")
        done("report-outcome", ranking, "none", "0.6")
        told = {one.reference: (one.rank, one.shielded) for one in client.outcomes.list(ranking)}
        assert told == {copied.second: (1, True), copied.third: (2, True), None: (None, False)}
        (entry,) = client.outcomes.ledger(copied.space).entries
        assert (entry.num_outcomes, entry.num_unshielded) == (3, 0)
        assert entry.regret_at_1 == pytest.approx(12.5)
        assert len(done("ledger", copied.space).splitlines()) == 3

    def test_what_comes_of_a_copy_is_not_reported(self, fails, client, copied, ranking):
        message, hint = fails("report-outcome", ranking, copied.copy, "0.99")
        assert message.startswith(f"{copied.copy} was left out of the ranking {ranking} as a copy")
        assert hint == "Report sources that were ranked."
        assert list(client.outcomes.list(ranking)) == []

    def test_a_copy_that_was_kept_has_a_rank(self, done, client, copied):
        kept = copied.rank(client, keep_copies=True).id
        assert "(rank 1) has" in done("report-outcome", kept, copied.copy, "0.99")

    def test_elsewhere_it_is_said_that_nobody_knows(self, done, copied, ranking, elsewhere):
        printed = done("report-outcome", ranking, copied.second, "0.7", **elsewhere)
        assert printed == (
            f"{ranking}: {copied.second} (rank 2; whether copies of your data are ranked is not "
            "known) has accuracy 0.7.\n"
        )
        done("report-outcome", ranking, copied.third, "0.8")
        unsure, *table = done("ledger", copied.space).splitlines()
        assert unsure.startswith("1 of the 2 outcomes of log-maximum-evidence: ")
        assert len(table) == 3

    def test_a_server_of_an_earlier_version_does_not_tell(
        self, registry, done, copied, ranking, start_relay
    ):
        done("report-outcome", ranking, copied.second, "0.7")
        done("report-outcome", ranking, copied.third, "0.8")
        relay = start_relay(registry.url)

        def leave_out(asked, forward):
            answer = forward()
            if not asked.path.endswith("/ledger"):
                return answer
            told = json.loads(answer.body)
            for entry in told["entries"]:
                del entry["num_unshielded"]
            return answer.with_body(json.dumps(told).encode())

        relay.rule = leave_out
        printed = done("ledger", copied.space, env={"ESM_REGISTRY_URL": relay.url})
        unsure, *table = printed.splitlines()
        assert unsure == (
            "Whether copies of the data stand among the ranked sources of log-maximum-evidence the "
            "registry does not tell: it is of an earlier version."
        )
        assert len(table) == 3

    def test_reports_from_two_machines_are_in_one_order(
        self, done, client, copied, ranking, elsewhere
    ):
        """The rank in the receipt of one, and that without the copy of the other, are both 2."""
        done("report-outcome", ranking, copied.second, "0.8", **elsewhere)
        done("report-outcome", ranking, copied.third, "0.7")
        (entry,) = client.outcomes.ledger(copied.space).entries
        assert entry.regret_at_1 == 0.0

    def test_where_the_records_are_gone(self, done, client, copied, ranking, tmp_path):
        shutil.rmtree(tmp_path / "data")
        assert "(rank 2; whether" in done("report-outcome", ranking, copied.second, "0.7")

    def test_a_server_of_an_earlier_version_is_told_what_it_understands(
        self, registry, copied, start_relay
    ):
        """It refuses a field that it does not know, as such servers do."""
        relay = start_relay(registry.url)

        def refuse(asked, forward):
            if asked.method == "POST" and "outcomes" in asked.path and b'"rank"' in asked.body:
                problem = {
                    "title": "Bad Request", "status": 400, "code": "invalid-input",
                    "detail": "rank: Extra inputs are not permitted.",
                }  # fmt: skip
                kind = {"content-type": "application/problem+json"}
                return Answer(400, json.dumps(problem).encode(), kind)
            return forward()

        relay.rule = refuse
        with Client(relay.url, registry.write_token) as client:
            ranking = copied.rank(client)
            stored = client.outcomes.report(ranking.id, copied.second, 0.7)
        assert (stored.rank, stored.shielded) == (2, False)


def test_texts_of_another_target_do_not_change_what_is_kept(client, done, copied, ranking):
    client.ranking(ranking, target_rows=OTHERS[200:250])
    assert done("ranking", ranking, "-q").split() == [copied.second, copied.third]
    assert client.ranking(ranking, target_rows=TEXTS).best.reference == copied.second
