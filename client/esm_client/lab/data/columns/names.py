"""What the name of a column says: the customs of public data sets."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LABEL = _words("""
    label labels target class category gold gold_label sentiment intent emotion stance topic
    coarse_label fine_label label_text label_name class_label ner_tags pos_tags tags y
""")
PERHAPS_LABEL = _words("""
    star stars rating score similarity similarity_score polarity type toxicity toxic difficulty
    level tag relation relation_type grade quality complexity verdict severity urgency priority
    department spam hate offensive sarcasm irony humor formality acceptability entailment answer
    valence arousal intensity outcome decision status is_duplicate subjectivity bias
""")
NO_LABEL = _words("""
    id idx index uid uuid guid key hash split fold set subset lang language locale source origin
    dataset corpus domain date time timestamp datetime year month day hour created created_at
    updated_at user username user_id author annotator worker worker_id rater url uri link href
    file filename path length len size count tokens words chars characters page offset position
    version weight confidence agreement votes likes retweets upvotes downvotes country city state
    region store shop product brand platform channel device gender age price zip zipcode
    unnamed row line
""")
TEXT = _words("""
    text sentence content review reviews tweet comment body document utterance input inputs
    message post passage article question query abstract description sms email reply response
    snippet paragraph review_text review_body text_clean statement claim words tokens
""")
PERHAPS_TEXT = _words("title headline subject summary name context caption heading")
PAIRS = (
    ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    ("text1", "text2"), ("text_a", "text_b"), ("sent1", "sent2"), ("s1", "s2"), ("q1", "q2"),
    ("question", "sentence"), ("question", "passage"), ("query", "passage"), ("query", "document"),
    ("claim", "evidence"), ("text", "text_pair"), ("question", "answer_text"), ("source", "target"),
    ("original", "edited"), ("sentence_a", "sentence_b"), ("argument1", "argument2"),
    ("context", "response"), ("belief", "argument"), ("question", "context"), ("first", "second"),
)  # fmt: skip
"""Columns whose texts belong together, the first before the second."""
SPLITS = _words("train training validation valid val dev development test testing")
SPLIT_COLUMNS = ("split", "fold", "set", "subset", "partition")
_SIDES = (("1", "2"), ("a", "b"), ("left", "right"), ("one", "two"), ("first", "second"))


def plain(name: str) -> str:
    """`ReviewText`, `review-text` and `Review Text` are all `review_text`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def is_one_of(name: str, known: frozenset[str]) -> bool:
    """Whether the name, or its last part, is a known one: `gold_sentiment` ends in one."""
    words = plain(name)
    return words in known or words.rpartition("_")[2] in known


def numbers_a_label(name: str) -> bool:
    """`class_index`, `emotion_id`: a label, written as the number of its class."""
    first, _, last = plain(name).rpartition("_")
    return first in LABEL and last in ("id", "idx", "index", "number", "code")


def sounds_like_no_label(name: str) -> bool:
    """Names of identifiers, counts, dates, people and places."""
    words = plain(name)
    parts = words.split("_")
    if numbers_a_label(name):
        return False
    counted = parts[0] in ("num", "n", "nr", "count", "is_test") or parts[-1] in ("count", "len")
    return words in NO_LABEL or parts[-1] in NO_LABEL or counted


def other_side(name: str, names: list[str]) -> str | None:
    """The second of a pair: `..._2` for `..._1`, `right_...` for `left_...`."""
    by_plain = {plain(other): other for other in names}
    words = plain(name)
    for first, second in PAIRS:
        if words == first and second in by_plain:
            return by_plain[second]
    for one, two in _SIDES:
        for ending in (f"_{one}", one):
            if words.endswith(ending) and (stem := words.removesuffix(ending)):
                for other in (f"{stem}_{two}", f"{stem}{two}"):
                    if other in by_plain:
                        return by_plain[other]
        if words.startswith(f"{one}_"):
            other = f"{two}_{words.removeprefix(f'{one}_')}"
            if other in by_plain:
                return by_plain[other]
    return None
