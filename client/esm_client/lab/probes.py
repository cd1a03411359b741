"""Probe rows: token sequences that no data set holds, on which maps are fitted as well.

A map that is fitted to its source's rows alone extrapolates badly to other domains; sequences of
random tokens, which both models read, hold it back there at no data's expense. They follow from
the tokenizer and a seed, so they need no file, no licence and no language. A team's own texts may
be put to them; many domains and languages help most.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.core.errors import InvalidInput
from esm_client.core.views import SpaceViews
from esm_client.lab.encoder import Text, TextEncoder
from esm_client.lab.tokens import TokenStore

RECIPE = "random-tokens-2"
EMBEDDING = "Embedding probe rows"
"""What is shown while that lasts."""
ROWS = 3000
SHORTEST, MEDIAN, LONGEST = 4, 12, 64
"""Tokens of a sequence, special ones apart: log-normal, with this deviation of the logarithm."""
SPREAD = 0.6
PAIRS = 0.25
"""The share of sequences that are pairs: the separator stands in their middle."""
MAX_TEXTS, MAX_FILE_BYTES = 20_000, 64 * 2**20
HELD_OUT_EVERY = 10
"""Every tenth probe row is kept out of the fit, which is judged by it."""


@dataclass(frozen=True)
class ProbeRecipe:
    """What maps of spaces with views are fitted to beside their source's rows.

    texts: a team's own, or pairs, beside 3 000 rows of random tokens; none of a target's, or its
    ranking is of texts that the maps have seen. own_rows: whether the source's own rows are fitted
    to as well; without them the map holds less of the source, and ranks about as well.
    """

    texts: tuple[Text, ...] = ()
    own_rows: bool = True

    @classmethod
    def read(cls, path: Path | None, *, own_rows: bool = True) -> "ProbeRecipe":
        """With the texts of a file, if there is one; raises what `read_probe_texts` raises."""
        return cls(() if path is None else read_probe_texts(path), own_rows)

    def rows(self, encoder: TextEncoder) -> TokenStore:
        """All rows, the random ones first; raises InvalidInput for texts that are none."""
        made = probe_rows(encoder)
        own = TokenStore.of(encoder.join(self.texts), encoder.tokenise)
        return TokenStore(store[row] for store in (made, own) for row in range(len(store)))


def read_probe_texts(path: Path) -> tuple[Text, ...]:
    """The texts of a UTF-8 file, one a line; a TAB stands between the texts of a pair.

    Raises InvalidInput for a file that cannot be read, has no text or too many.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InvalidInput(
                f"{path} holds {size} bytes, more than {MAX_FILE_BYTES}.",
                "Some thousand texts of many domains are enough.",
            )
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as cause:
        raise InvalidInput(
            f"The probe texts in {path} cannot be read: {cause}.",
            "Name a text file in UTF-8 with a text on each line.",
        ) from cause
    texts = tuple(_text(line) for line in lines if line.strip())
    if not 0 < len(texts) <= MAX_TEXTS:
        raise InvalidInput(
            f"{path} holds {len(texts)} texts.", f"Name a file with 1 to {MAX_TEXTS} lines of text."
        )
    return texts


def check_probes(probes: ProbeRecipe | None, views: SpaceViews | None) -> None:
    """Raise InvalidInput for probe rows of a map that reads no views."""
    if probes is not None and views is None:
        raise InvalidInput(
            "Only maps that read an inner layer are fitted to probe rows.",
            "Read an inner layer too, or leave the probe rows out.",
        )


def held_out(rows: int) -> NDArray[np.bool_]:
    """Which probe rows judge the fit."""
    return np.arange(rows) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1


def _text(line: str) -> Text:
    first, _, second = (part.strip() for part in line.partition("\t"))
    return (first, second) if first and second else first or second


def probe_rows(
    encoder: TextEncoder, rows: int = ROWS, seed: int = 0, median: int = MEDIAN
) -> TokenStore:
    """Random sequences of a tokenizer's tokens, special ones never drawn; no longer than the
    encoder's `max_length`."""
    rng = np.random.default_rng(seed)
    tokenizer = encoder.tokenizer
    special = {int(number) for number in tokenizer.all_special_ids}
    drawable = np.array([n for n in range(len(tokenizer)) if n not in special], dtype=np.int64)
    before, after = _around(encoder)
    between = tokenizer(encoder.separator, add_special_tokens=False)["input_ids"]
    longest = min(LONGEST, encoder.max_length - len(before) - len(after))
    shortest = min(SHORTEST, longest)
    lengths = np.exp(rng.normal(np.log(median), SPREAD, rows))
    lengths = np.clip(np.round(lengths), shortest, longest).astype(np.int64)
    are_pairs = rng.random(rows) < PAIRS
    made: list[Sequence[int]] = []
    for length, is_pair in zip(lengths.tolist(), are_pairs.tolist(), strict=True):
        drawn: list[int] = rng.choice(drawable, length).tolist()
        if is_pair and length > len(between) + 1:
            middle = (length - len(between)) // 2
            drawn[middle : middle + len(between)] = between
        made.append([*before, *drawn, *after])
    return TokenStore(made)


def digest_of(rows: TokenStore) -> str:
    """What names these rows: of their lengths and ids."""
    return digest_bytes(rows.to_bytes())


def _around(encoder: TextEncoder) -> tuple[list[int], list[int]]:
    """The special tokens that stand before and after every text."""
    tokenizer = encoder.tokenizer
    whole: list[int] = tokenizer("a")["input_ids"]
    inner: list[int] = tokenizer("a", add_special_tokens=False)["input_ids"]
    before = len(whole) - len(inner) - _trailing(whole, inner)
    return whole[:before], whole[before + len(inner) :]


def _trailing(whole: list[int], inner: list[int]) -> int:
    for start in range(len(whole) - len(inner) + 1):
        if whole[start : start + len(inner)] == inner:
            return len(whole) - len(inner) - start
    return 0
