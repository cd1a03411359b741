"""Probe rows: token sequences that no data set holds, on which maps are fitted as well.

A map that is fitted to its source's rows alone extrapolates badly to other domains; sequences of
random tokens, which both models read, hold it back there at no data's expense. They follow from
the tokenizer and a seed, so they need no file, no licence and no language.
"""

from collections.abc import Sequence

import numpy as np

from esm_client.core.artifact.manifest import digest_bytes
from esm_client.lab.encoder import TextEncoder
from esm_client.lab.tokens import TokenStore

RECIPE = "random-tokens-1"
ROWS = 3000
SHORTEST, MEDIAN, LONGEST = 4, 24, 64
"""Tokens of a sequence, special ones apart: log-normal, with this deviation of the logarithm."""
SPREAD = 0.6
PAIRS = 0.25
"""The share of sequences that are pairs: the separator stands in their middle."""


def probe_rows(encoder: TextEncoder, rows: int = ROWS, seed: int = 0) -> TokenStore:
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
    lengths = np.exp(rng.normal(np.log(MEDIAN), SPREAD, rows))
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
