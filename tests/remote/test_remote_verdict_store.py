"""The records of what the shield said: small private files, few, and never believed unread."""

import os
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from esm_client.core.errors import InvalidInput, TooLarge
from esm_client.core.schemas import RankedEsm
from esm_client.core.shield.overlap import Overlap
from esm_client.core.shield.source import TargetHashes
from esm_client.ranking.cautions import cautions
from esm_client.ranking.shield import ShieldReport
from esm_client.remote.verdicts import store
from esm_client.remote.verdicts.record import Verdict, Waiting
from esm_client.remote.verdicts.store import Verdicts

HERE, THERE = "https://here.example", "https://there.example"
TARGET = TargetHashes.of([(f"the secret text of row {number}",) for number in range(50)])


def row(name, digit="0"):
    return RankedEsm.model_validate({
        "reference": f"team/{name}@1", "digest": f"sha256:{digit * 64}", "score": 0.0, "gain": 0.0,
        "task": {"data_set": name, "text_columns": ["text"], "num_rows": 10},
    })  # fmt: skip


ROWS = [row("copy", "a"), row("some", "b"), row("none", "c"), row("unread", "d")]
REPORT = ShieldReport(
    "known", 3, ["team/unread@1"],
    {"team/copy@1": Overlap(40, 50, exact=True), "team/some@1": Overlap(3, 20, exact=False)},
    [["team/some@1", "team/none@1"]], ["team/copy@1"],
)  # fmt: skip


@pytest.fixture(name="verdicts")
def _verdicts(tmp_path) -> Verdicts:
    return Verdicts(tmp_path / "data", HERE)


def verdict(ranking="r1", registry=HERE):
    return Verdict.of(registry, ranking, ROWS, REPORT)


def waiting(ranking="r1", target=TARGET):
    return Waiting.of(HERE, ranking, target, keep_copies=False)


def files(verdicts) -> list[Path]:
    return [path for path in verdicts.folder.iterdir() if path.name != ".lock"]


class TestVerdict:
    def test_says_the_same_later(self, verdicts):
        verdicts.keep(verdict())
        assert verdicts.find("r1").report(ROWS) == REPORT

    def test_counts_for_the_digests_that_were_looked_at(self):
        """The same names with other content: what was found is not true of it."""
        again = [row("copy", "e"), *ROWS[1:]]
        found = verdict().report(again)
        assert found.left_out == []
        assert set(found.overlaps) == {"team/some@1"}
        assert set(found.not_compared) == {"team/copy@1", "team/none@1", "team/unread@1"}
        assert cautions(found, again[:1]) != []

    def test_tells_nothing_of_rows_that_it_never_saw(self):
        more = [row("new", "f"), *ROWS]
        found = verdict().report(more)
        assert found.left_out == ["team/copy@1"]
        assert found.share_of("team/new@1") is None
        assert cautions(found, more[:1]) != []

    def test_in_another_order_they_are_other_rows(self):
        assert verdict().report(ROWS[::-1]).num_compared == 2

    def test_off(self):
        names = [one.reference for one in ROWS]
        off = ShieldReport("off", 0, names, {}, REPORT.groups, [])
        assert Verdict.of(HERE, "r1", ROWS, off).report(ROWS) == off


class TestWaiting:
    def test_holds_hashes_and_no_text(self, verdicts):
        verdicts.keep(waiting())
        (path,) = files(verdicts)
        assert b"secret" not in path.read_bytes()
        found = verdicts.find("r1").target
        assert np.array_equal(found.rows, TARGET.rows)
        assert np.array_equal(found.texts, TARGET.texts)

    def test_without_texts(self, verdicts):
        verdicts.keep(waiting(target=None))
        assert verdicts.find("r1").target is None

    def test_gives_way_to_the_verdict(self, verdicts):
        verdicts.keep(waiting())
        verdicts.keep(verdict())
        (path,) = files(verdicts)
        assert path.suffix == ".json"
        assert isinstance(verdicts.find("r1"), Verdict)

    def test_is_dropped_when_it_was_forgotten(self, verdicts, monkeypatch):
        for ranking in ("r1", "r2"):
            verdicts.keep(waiting(ranking))
        verdicts.keep(verdict("r3"))
        long_ago = time.time() - store.MAX_WAITING_SECONDS - 60
        for path in files(verdicts):
            os.utime(path, (long_ago, long_ago))
        verdicts.keep(waiting("r4"))
        assert verdicts.find("r1") is verdicts.find("r2") is None
        assert isinstance(verdicts.find("r3"), Verdict)
        assert isinstance(verdicts.find("r4"), Waiting)

    def test_is_dropped_also_where_nobody_ranks_any_more(self, verdicts):
        verdicts.keep(waiting("r1"))
        (path,) = files(verdicts)
        verdicts.keep(waiting("r2"))
        long_ago = time.time() - store.MAX_WAITING_SECONDS - 60
        os.utime(path, (long_ago, long_ago))
        assert verdicts.find("r3") is None
        assert not path.exists()
        assert isinstance(verdicts.find("r2"), Waiting)

    def test_that_gives_way_while_it_is_looked_for(self, verdicts, monkeypatch):
        verdicts.keep(waiting())
        read = store._read

        def read_late(path):
            if path.suffix == ".waiting":
                verdicts.keep(verdict())
            return read(path)

        monkeypatch.setattr(store, "_read", read_late)
        assert isinstance(verdicts.find("r1"), Verdict)

    def test_forget(self, verdicts):
        verdicts.forget("r1")  # there is none
        verdicts.keep(waiting())
        verdicts.forget("r1")
        assert verdicts.find("r1") is None

    @pytest.mark.parametrize("data", [b"7 bytes", bytes(16), np.array([2, 1], "<u8").tobytes()])
    def test_hashes_that_are_none(self, verdicts, data):
        verdicts.keep(waiting())
        (path,) = files(verdicts)
        spoilt = waiting().model_copy(update={"rows": data})
        path.write_bytes(store.sealed(spoilt.model_dump_json().encode()))
        with pytest.raises(InvalidInput, match="is damaged"):
            verdicts.find("r1")


class TestFiles:
    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
    def test_only_the_owner_may_read_them(self, verdicts):
        before = os.umask(0)
        try:
            verdicts.folder.mkdir(parents=True, mode=0o777)
            verdicts.keep(verdict())
            verdicts.keep(waiting("r2"))
        finally:
            os.umask(before)
        assert stat.S_IMODE(verdicts.folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in files(verdicts)} == {0o600}

    def test_nothing_is_written_before_there_is_something(self, verdicts):
        assert verdicts.find("r1") is None
        assert not verdicts.folder.exists()

    def test_registries_have_records_of_their_own(self, verdicts, tmp_path):
        other = Verdicts(tmp_path / "data", THERE)
        verdicts.keep(verdict())
        assert other.find("r1") is None
        other.keep(verdict(registry=THERE))
        assert (verdicts.find("r1").registry, other.find("r1").registry) == (HERE, THERE)

    def test_a_file_under_another_name_is_not_believed(self, verdicts):
        verdicts.keep(verdict("r1"))
        (path,) = files(verdicts)
        verdicts.keep(verdict("r2"))
        (other,) = set(files(verdicts)) - {path}
        path.rename(other)
        with pytest.raises(InvalidInput, match="is damaged"):
            verdicts.find("r2")

    @pytest.mark.parametrize("record", [verdict(), waiting()], ids=["verdict", "waiting"])
    def test_no_byte_of_it_may_change(self, verdicts, record):
        """A reference or a digest that is no row's would say that there was no copy."""
        verdicts.keep(record)
        (path,) = files(verdicts)
        written = path.read_bytes()
        for place in range(0, len(written), 7):
            path.write_bytes(written[:place] + bytes([written[place] ^ 1]) + written[place + 1 :])
            with pytest.raises(InvalidInput, match=f"{path.name} is damaged|a later version"):
                verdicts.find("r1")

    @pytest.mark.parametrize("ranking", ["../../../etc/passwd", "a/b", "", "\udcff", "x" * 10_000])
    def test_no_id_steers_a_path(self, verdicts, ranking):
        assert verdicts.find(ranking) is None
        if ranking.isascii():
            verdicts.keep(verdict(ranking))
            assert verdicts.find(ranking).ranking == ranking
            (path,) = files(verdicts)
            assert path.parent == verdicts.folder

    def test_what_a_killed_writer_left_goes(self, verdicts):
        verdicts.keep(verdict("r1"))
        (path,) = files(verdicts)
        path.with_name(f".{path.name}.0a1b2c3d").write_text("half")
        verdicts.keep(verdict("r2"))
        assert all(path.suffix == ".json" for path in files(verdicts))

    @pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
    def test_a_file_that_goes_meanwhile_spoils_nothing(self, verdicts):
        verdicts.keep(verdict("r1"))
        (verdicts.folder / "gone.waiting").symlink_to("nowhere")  # listed, and then not there
        verdicts.keep(verdict("r2"))
        assert isinstance(verdicts.find("r2"), Verdict)

    def test_a_record_of_a_later_version(self, verdicts):
        verdicts.keep(verdict())
        (path,) = files(verdicts)
        path.write_text(path.read_text().replace('"version":1', '"version":2'))
        with pytest.raises(InvalidInput, match="was written by a later version") as caught:
            verdicts.find("r1")
        assert caught.value.hint == "Use that version."

    def test_so_many_records_and_no_more(self, verdicts, monkeypatch):
        monkeypatch.setattr(store, "MAX_RECORDS", 3)
        for number in range(6):
            verdicts.keep(verdict(f"r{number}") if number % 2 else waiting(f"r{number}"))
            for path in files(verdicts):
                os.utime(path, (path.stat().st_mtime - 60,) * 2)
        kept = [number for number in range(6) if verdicts.find(f"r{number}")]
        assert kept == [3, 4, 5]

    def test_so_many_bytes_and_no_more(self, verdicts, monkeypatch):
        verdicts.keep(verdict("r1"))
        (path,) = files(verdicts)
        os.utime(path, (1, 1))
        monkeypatch.setattr(store, "MAX_BYTES", path.stat().st_size)
        verdicts.keep(verdict("r2"))
        assert verdicts.find("r1") is None
        assert verdicts.find("r2") is not None

    def test_a_record_that_is_too_large(self, verdicts, monkeypatch):
        verdicts.keep(verdict())
        monkeypatch.setattr(store, "MAX_RECORD_BYTES", 100)
        with pytest.raises(InvalidInput, match="is damaged"):
            verdicts.find("r1")
        with pytest.raises(TooLarge):
            verdicts.keep(verdict("r2"))

    def test_a_folder_that_cannot_be_read(self, tmp_path):
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / store.FOLDER).write_text("no folder")
        verdicts = Verdicts(tmp_path / "data", HERE)
        assert verdicts.find("r1") is None
        with pytest.raises(InvalidInput, match="cannot be used"):
            verdicts.keep(verdict())
