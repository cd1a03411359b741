"""The shield's kernel against Python sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from esm_client.core.errors import InvalidArtifact
from esm_client.core.shield.overlap import Overlap, overlap, similarity
from esm_client.core.shield.sketch import MAX_SIZE, SetSketch
from esm_client.core.shield.source import SourceSketches, TargetHashes
from esm_client.core.shield.texts import MIN_CHARACTERS, normalise, row_hashes, text_hashes


def rows(start, stop):
    return [(f"this is the text of row number {i}",) for i in range(start, stop)]


def share(target, source):
    found = SourceSketches.of(source).overlap(TargetHashes.of(target))
    assert found is not None
    return found


@pytest.mark.parametrize("num_source", [300, 2048, 2049, 20_000])
@pytest.mark.parametrize("inside", [0.0, 0.05, 0.5, 1.0])
def test_shares_of_a_target(num_source, inside):
    kept = round(1000 * min(inside, num_source / 1000))
    target = rows(0, kept) + rows(10**6, 10**6 + 1000 - kept)
    found = share(target, rows(0, num_source))
    truth = kept / 1000
    if num_source <= 2048:
        assert found.exact
        assert found.share == truth
    low, high = found.interval
    assert low - 0.02 <= truth <= high + 0.02
    assert found.is_shared == (truth > 0)
    assert found.is_copy == (truth > 0.45)


def test_changed_case_and_white_space_are_the_same_text():
    target = [(f"  THIS is\tthe Text  of row number {i} ",) for i in range(500)]
    found = share(target, rows(0, 5000))
    assert (found.is_copy, found.share) == (True, 1.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Die Straße ist gesperrt", "DIE STRASSE IST GESPERRT"),
        ("cafe\u0301 au lait", "Caf\u00e9 au lait"),
        ("\uff46\uff55\uff4c\uff4c\u3000\uff57\uff49\uff44\uff54\uff48", "full width"),
        ("I do n't like it , really .", "I don't like it -- really!"),
        ("soft\u00adhyphens and zero\u200bwidth", "soft hyphens and zero width"),
        ("ﬁnd the ligature", "find the ligature"),
    ],
)
def test_the_same_text_written_differently(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("this is the text of row 1", "this is the text of row 2"),
        ("हिन्दी में लिखा", "हन्दी में लिखा"),
        ("1 + 1 is a sum of it", "1 < 1 is a sum of it"),
        ("that was a day 😀", "that was a day 😡"),
    ],
)
def test_other_texts_stay_others(one, other):
    assert normalise(one) != normalise(other)


def test_columns_are_not_run_together():
    assert len(row_hashes([("one text", "another"), ("one", "text another")])) == 2


def test_a_string_is_a_row_of_one_text():
    texts = [text for (text,) in rows(0, 50)]
    assert np.array_equal(row_hashes(texts), row_hashes(rows(0, 50)))
    assert np.array_equal(text_hashes(texts), text_hashes(rows(0, 50)))


def test_nothing_shared_is_not_flagged():
    found = share(rows(0, 1000), rows(5000, 25_000))
    assert (found.matched, found.is_shared) == (0, False)


def test_texts_of_pairs_are_found_in_single_texts_and_the_other_way_round():
    pairs = [(f"the premise number {i}", f"the hypothesis number {i}") for i in range(800)]
    singles = [(premise,) for premise, _ in pairs]
    assert share(pairs, singles).share == pytest.approx(0.5)
    assert share(singles, pairs).share == 1.0
    swapped = [(second, first) for first, second in pairs]
    assert share(swapped, pairs).is_copy


def test_short_texts_say_nothing():
    short = [("ok",), ("danke",), ("好的",)]
    assert len(row_hashes(short)) == 0
    assert share(short, short).share == 0
    assert len(row_hashes([("x" * MIN_CHARACTERS,)])) == 1


PHRASES = [f"{word} number {i}" for i in range(30) for word in ("Phrase", "PHRASE", "other")]
TEXTS = st.lists(st.sampled_from(PHRASES) | st.text(max_size=30), max_size=60)


@given(TEXTS, TEXTS, st.integers(1, 60))
def test_against_sets(one, other, size):
    def words(texts):
        return {normalise(text) for text in texts if len(normalise(text)) >= MIN_CHARACTERS}

    def hashed(texts):
        return row_hashes([(text,) for text in texts])

    found = overlap(hashed(one), SetSketch.of(hashed(other), size))
    if not words(other):
        truth = (0, 0)
    elif len(words(other)) <= size:
        truth = (len(words(one) & words(other)), len(words(one)))
    else:
        reach = sorted(int(h) for h in hashed(other))[size - 1]
        sample = {int(h) for h in hashed(one) if h <= reach}
        truth = (len(sample & {int(h) for h in hashed(other)}), len(sample))
    assert (found.matched, found.compared) == truth


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


def test_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        source = np.unique(rng.integers(0, 2**63, 8000).astype(np.uint64))
        kept = rng.choice(source, 150, replace=False)
        target = np.unique(np.r_[kept, rng.integers(0, 2**63, 850).astype(np.uint64)])
        low, high = overlap(target, SetSketch.of(source, 1024)).interval
        covered += low <= 0.15 <= high
    assert covered >= 0.92 * 400


@pytest.mark.parametrize(
    ("found", "telling"),
    [
        (Overlap(0, 0, exact=False), False),  # nothing of the target below the sketch's reach
        (Overlap(0, 0, exact=True), False),  # nothing long enough to compare
        (Overlap(0, 5, exact=False), False),
        (Overlap(0, 6, exact=False), True),
        (Overlap(0, 5, exact=True), True),
        (Overlap(1, 6, exact=False), False),
        (Overlap(2, 3, exact=False), True),
    ],
)
def test_too_few_hashes_tell_nothing(found, telling):
    assert found.is_telling == telling
    assert not telling or found.matched < 2 or found.is_shared


def test_a_small_target_in_a_huge_source_is_unknown_not_clean():
    found = share(rows(0, 20), rows(10**6, 10**6 + 60_000))
    assert found.matched == 0
    assert not found.is_telling


def test_sources_that_are_alike():
    one, part, other = (
        SourceSketches.of(r) for r in (rows(0, 9000), rows(0, 4500), rows(9000, 18000))
    )
    same = one.similarity(part)
    assert same is not None
    assert same.share == pytest.approx(1.0)
    none = one.similarity(other)
    assert none is not None
    assert none.matched == 0
    half = SourceSketches.of(rows(4500, 13_500)).similarity(one)
    assert half is not None
    assert half.share == pytest.approx(0.5, abs=0.06)


def test_other_rules_are_not_compared():
    sketch = SourceSketches.of(rows(0, 10))
    later = SourceSketches(sketch.rows, sketch.texts, rule=sketch.rule + 1)
    assert later.overlap(TargetHashes.of(rows(0, 10))) is None
    assert later.similarity(sketch) is None


def test_tensors_come_back():
    for source in (rows(0, 5000), [(f"first text {i}", f"second text {i}") for i in range(20)]):
        sketch = SourceSketches.of(source)
        back = SourceSketches.from_tensors(sketch.tensors())
        assert back is not None
        assert np.array_equal(back.rows.hashes, sketch.rows.hashes)
        assert np.array_equal(back.texts.hashes, sketch.texts.hashes)
        assert (back.rows.total, back.texts.total) == (sketch.rows.total, sketch.texts.total)
    assert SourceSketches.from_tensors({}) is None


@pytest.mark.parametrize(
    ("hashes", "total"),
    [
        (np.array([2, 1], np.uint64), 2),
        (np.array([1, 1], np.uint64), 2),
        (np.array([1, 2], np.uint64), 1),
        (np.array([1, 2], np.int64), 2),
        (np.ones((2, 2), np.uint64), 4),
        (np.array([], np.uint64), 1),
        (np.array([1], np.uint64), 2**63),
        (np.arange(MAX_SIZE + 1, dtype=np.uint64), 10**6),
    ],
)
def test_what_is_no_sketch(hashes, total):
    with pytest.raises(InvalidArtifact):
        SetSketch(hashes, total)


def test_parts_of_a_sketch_are_refused():
    tensors = SourceSketches.of(rows(0, 5)).tensors()
    with pytest.raises(InvalidArtifact, match="source_counts"):
        SourceSketches.from_tensors({"source_rows": tensors["source_rows"]})


def test_a_rule_that_no_version_will_reach_is_refused():
    tensors = SourceSketches.of(rows(0, 5)).tensors()
    tensors["source_counts"][0] = 2**64 - 1
    with pytest.raises(InvalidArtifact, match="rule"):
        SourceSketches.from_tensors(tensors)


def test_empty_target_and_empty_source():
    assert Overlap(0, 0, exact=True).share == 0
    assert share([], rows(0, 10)).share == 0
    assert not share(rows(0, 10), []).is_shared
    assert (
        similarity(SetSketch.of(text_hashes([])), SetSketch.of(row_hashes(rows(0, 3)))).share == 0
    )
