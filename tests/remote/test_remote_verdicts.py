"""A ranking that is looked up again names no copy of the target, or says that it may."""

import shutil
import warnings

import pytest
from support.artifacts import make_esm
from support.copied_target import OTHERS, TEXTS, CopiedTarget, references
from support.registry import RunningRegistry

from esm_client import Client
from esm_client.core.errors import NotFound
from esm_client.core.progress import silent
from esm_client.core.warnings import EsmWarning
from esm_client.ranking.cautions import NOT_COMPARED, CopiesWarning
from esm_client.ranking.ranking import Ranking
from esm_client.ranking.several_spaces import merged
from esm_client.ranking.shield import ShieldReport
from esm_client.remote.verdicts import store

pytestmark = pytest.mark.filterwarnings("ignore::esm_client.ranking.cautions.CopiesWarning")


class TestKnown:
    def test_the_copy_does_not_win_later_either(self, client, copied, registry):
        first = copied.rank(client)
        assert first.receipt.rows[0].reference == copied.copy
        assert references(first) == [copied.second, copied.third]
        with Client(registry.url, registry.write_token) as later:
            again = later.ranking(first.id)
        assert again == first
        assert again.best.reference == copied.second
        assert (again.best.rank, again.best.log_bayes_factor) == (1, 0.0)
        assert references(again.left_out) == [copied.copy]
        assert again.shield == first.shield
        assert (again.shield.state, again.shield.num_compared, again.cautions) == ("known", 3, [])

    def test_in_a_notebook_it_is_shown_alike(self, client, copied):
        first = copied.rank(client)
        again = client.ranking(first.id)
        assert repr(again) == repr(first)
        assert again._repr_html_() == first._repr_html_()
        assert f"Left out: {copied.copy} holds 100 % of your rows." in repr(again)
        assert repr(again).count(copied.copy) == again._repr_html_().count(copied.copy) == 1

    def test_in_a_data_frame(self, client, copied):
        kept = client.ranking(copied.rank(client, keep_copies=True).id)
        shares = dict(zip(kept.to_pandas()["reference"], kept.to_pandas()["share"], strict=True))
        assert shares == {copied.copy: 1.0, copied.second: 0.0, copied.third: 0.0}

    def test_copies_that_were_kept_stay_flagged(self, client, copied):
        first = copied.rank(client, keep_copies=True)
        again = client.ranking(first.id)
        assert references(again)[0] == copied.copy
        assert again.left_out == ()
        assert again.shield.copies == (copied.copy,)
        assert repr(again) == repr(first)
        assert "100 %" in repr(again)

    def test_a_look_that_finds_less_leaves_out_no_less(self, client, copied):
        """The rows at hand may be others than were ranked for: what was found stays found."""
        first = copied.rank(client)
        again = client.ranking(first.id, target_rows=OTHERS[200:250])
        assert copied.copy not in references(again)
        # and what the first look could not find, these rows tell
        assert references(again.left_out) == [copied.copy, copied.third]
        assert client.ranking(first.id) == first

    def test_nothing_is_told_or_asked_for_later(self, registry, relay, copied):
        with Client(relay.url, registry.write_token) as relayed:
            first = copied.rank(relayed)
            relay.requests.clear()
            assert relayed.ranking(first.id) == first
        assert [asked.method for asked in relay.requests] == ["GET"]

    def test_a_version_that_was_published_since_is_another(self, client, copied, tmp_path):
        first = copied.rank(client)
        made = make_esm(tmp_path / "again", "copy", seed=50, rows=OTHERS[:100])
        client.push(made, f"{copied.space}/copy", space=copied.space)
        again = client.ranking(first.id)
        assert (again, references(again.left_out)) == (first, [copied.copy])
        anew = copied.rank(client)
        assert anew.left_out == ()
        assert f"{copied.space}/copy@2" in references(anew)
        assert client.ranking(anew.id).shield == anew.shield
        client.esms.yank(f"{copied.space}/copy@1", "holds a test set")
        assert references(client.ranking(first.id).left_out) == [copied.copy]

    def test_several_spaces_together(self, client, copied, namespace, tmp_path):
        other = CopiedTarget(client, f"{namespace}-b", tmp_path, draw=8)
        first = [one.rank(client).id for one in (copied, other)]
        again = merged([client.ranking(one) for one in first])
        assert set(references(again.left_out)) == {copied.copy, other.copy}
        assert (again.shield.state, again.cautions) == ("known", [])


class TestUnknown:
    def test_on_another_machine(self, client, copied, another_machine):
        first = copied.rank(client)
        found = another_machine().ranking(first.id)
        assert found.receipt == first.receipt
        assert (found.shield.state, found.left_out) == ("unknown", ())
        copied.check_it_is_said_first(found)
        assert "Rank again to know." in found.cautions[0]
        assert set(found.to_pandas()["share"]) == {None}

    def test_by_an_admin(self, client, copied, another_machine, registry):
        found = another_machine(registry.admin_token).ranking(copied.rank(client).id)
        assert found.shield.state == "unknown"
        copied.check_it_is_said_first(found)

    def test_where_the_records_are_gone(self, client, copied, records):
        first = copied.rank(client)
        shutil.rmtree(records)
        copied.check_it_is_said_first(client.ranking(first.id))

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: data[: len(data) // 2],
            lambda data: b"\xff" * 100,
            lambda data: data.replace(b'"matched":60', b'"matched":61'),
            lambda data: data.replace(b'"known"', b'"sure"'),
            lambda data: data.replace(b'"version":1', b'"version":0'),
            lambda data: b"[" * 100_000,
        ],
        ids=["empty", "half", "bytes", "more than all", "no state", "no version", "deep"],
    )
    def test_where_the_record_is_damaged(self, client, copied, records, damage):
        first = copied.rank(client)
        (path,) = records.glob("*.json")
        before = path.read_bytes()
        path.write_bytes(damage(before))
        assert path.read_bytes() != before
        found = client.ranking(first.id)
        assert found.shield.state == "unknown"
        assert f"{path} is damaged" in found.cautions[0]
        copied.check_it_is_said_first(found)

    def test_where_a_later_version_wrote_it(self, client, copied, records):
        first = copied.rank(client)
        (path,) = records.glob("*.json")
        path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
        found = client.ranking(first.id)
        assert f"{path} was written by a later version of esm-client" in found.cautions[0]
        assert "damaged" not in found.cautions[0]
        copied.check_it_is_said_first(found)

    def test_with_the_texts_at_hand_it_is_looked_anew(self, client, copied, another_machine):
        first = copied.rank(client)
        found = another_machine().ranking(first.id, target_rows=TEXTS)
        assert found == first
        assert (found.shield.state, found.cautions) == ("known", [])

    def test_rows_of_somebody_else_are_no_record(self, client, copied, another_machine):
        """Whether they are those that were ranked for, nobody knows."""
        there, first = another_machine(), copied.rank(client)
        assert there.ranking(first.id, target_rows=OTHERS[:50]).shield.state == "known"
        assert there.ranking(first.id).shield.state == "unknown"

    def test_two_registries_with_the_same_id(self, start_registry, tmp_path):
        running = start_registry()
        with Client(running.url, running.write_token) as client:
            copied = CopiedTarget(client, "hotels", tmp_path)
            first = copied.rank(client)
            assert client.ranking(first.id).shield.state == "known"
        running.stop()
        twin = RunningRegistry(tmp_path / "twin", copy_of=running)
        try:
            with Client(twin.url, running.write_token) as client:
                found = client.ranking(first.id)
        finally:
            twin.kill()
        assert found.receipt == first.receipt
        copied.check_it_is_said_first(found)

    def test_of_one_of_several_spaces(self, client, copied, namespace, tmp_path, records):
        first = copied.rank(client).id
        shutil.rmtree(records)
        other = CopiedTarget(client, f"{namespace}-b", tmp_path, draw=8)
        found = merged([client.ranking(one) for one in (first, other.rank(client).id)])
        assert references(found.left_out) == [other.copy]
        assert (found.shield.state, len(found.cautions)) == ("unknown", 1)

    def test_a_record_that_could_not_be_written(
        self, registry, client, copied, monkeypatch, tmp_path
    ):
        (tmp_path / "full").write_text("no folder")
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "full"))
        with Client(registry.url, registry.write_token) as user:
            with pytest.warns(EsmWarning, match="could not be noted: .* is not known[.]"):
                first = copied.rank(user)
            assert first.best.reference == copied.second
            copied.check_it_is_said_first(user.ranking(first.id))

    def test_the_oldest_records_go(self, client, copied, monkeypatch):
        monkeypatch.setattr(store, "MAX_RECORDS", 2)
        ids = [copied.rank(client).id for _ in range(3)]
        assert [client.ranking(one).shield.state for one in ids] == ["unknown", "known", "known"]


class TestOff:
    def test_without_texts(self, client, copied, another_machine):
        first = copied.rank(client, target_rows=None)
        assert first.shield.state == "off"
        copied.check_it_is_said_first(first)
        again = client.ranking(first.id)
        assert again.shield == first.shield
        assert repr(again) == repr(first)
        assert another_machine().ranking(first.id).shield.state == "unknown"

    def test_in_a_pulled_space(self, client, copied, tmp_path):
        client.packs.pull(copied.space, tmp_path / "pulled")
        off = client.rank_locally(copied.sketch, tmp_path / "pulled")
        assert off.shield.state == "off"
        copied.check_it_is_said_first(off)
        known = client.rank_locally(copied.sketch, tmp_path / "pulled", target_rows=TEXTS)
        assert (known.best.reference, known.cautions) == (copied.second, [])


class TestWarning:
    """A notebook that asks for `best` alone is told as well."""

    def test_where_it_is_not_known(self, client, copied, another_machine):
        first = copied.rank(client)
        with pytest.warns(CopiesWarning) as caught:
            found = another_machine().ranking(first.id)
        assert [str(one.message) for one in caught] == found.cautions
        assert caught[0].filename == __file__

    def test_without_texts(self, client, copied):
        first = copied.rank(client, target_rows=None)
        with pytest.warns(CopiesWarning, match="is not known: it was ranked without its texts"):
            client.ranking(first.id)

    def test_not_where_it_is_known(self, client, copied, another_machine):
        first = copied.rank(client)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client.ranking(first.id)
            another_machine().ranking(first.id, target_rows=TEXTS)


class TestCouldNotLook:
    def test_no_rank_is_sure_from_there_on(self, client, namespace, tmp_path):
        """What nobody could compare may be a copy, without which the others stand higher."""
        copied = CopiedTarget(client, namespace, tmp_path, is_told=False)
        first = copied.rank(client)
        assert first.shield.num_compared == 2
        assert first.sure_ranks == {}
        for reference, rank in ((copied.copy, 1), (copied.second, 2)):
            stored = client.outcomes.report(first.id, reference, 0.7)
            assert (stored.rank, stored.shielded) == (rank, False)
        (entry,) = client.outcomes.ledger(copied.space).entries
        assert (entry.num_outcomes, entry.num_unshielded) == (2, 2)

    @pytest.mark.parametrize("unsure", [0, 1, 2, 3])
    def test_ranks_above_it_are_sure(self, client, copied, unsure):
        receipt = copied.rank(client).receipt
        names = references(receipt.rows)
        shield = ShieldReport("known", 2, names[unsure : unsure + 1])
        ranks = {name: rank for rank, name in enumerate(names[:unsure], start=1)}
        assert Ranking(receipt, shield=shield).sure_ranks == ranks
        assert Ranking(receipt).sure_ranks == {}

    def test_at_the_best(self, client, namespace, tmp_path):
        copied = CopiedTarget(client, namespace, tmp_path, is_told=False)
        first = copied.rank(client)
        assert (first.shield.state, list(first.shield.not_compared)) == ("known", [copied.copy])
        for found in (first, client.ranking(first.id)):
            copied.check_it_is_said_first(found)
            assert found.cautions[0].startswith(f"Whether {copied.copy} is a copy of your data")

    def test_at_any(self, client, namespace, tmp_path):
        copied = CopiedTarget(client, namespace, tmp_path)
        first = copied.rank(client, target_rows=[("short",)] * 60)
        for found in (first, client.ranking(first.id)):
            assert (found.shield.state, found.cautions) == ("known", [NOT_COMPARED])
            assert repr(found).index(NOT_COMPARED) < repr(found).index(copied.copy)


def test_no_ranking_no_record(client, records):
    with pytest.raises(NotFound):
        client.ranking("no-such-ranking", progress=silent)
    assert not records.exists()
