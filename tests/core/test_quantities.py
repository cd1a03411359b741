"""Numbers of bytes and of things, as people write them."""

import pytest

from esm_client.core.quantities import counted, size


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [
        (0, "0 B"),
        (17, "17 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1049, "1.0 kB"),
        (999_900, "999.9 kB"),
        (1_000_000, "1.0 MB"),
        (1_234_567, "1.2 MB"),
        (2_500_000_000, "2.5 GB"),
        (10**12, "1.0 TB"),
        (3_400_000_000_000_000, "3400.0 TB"),
    ],
)
def test_a_size(num_bytes, text):
    assert size(num_bytes) == text


@pytest.mark.parametrize(
    ("number", "words", "text"),
    [
        (0, ("row",), "0 rows"),
        (1, ("row",), "1 row"),
        (2, ("row",), "2 rows"),
        (1, ("class", "classes"), "1 class"),
        (2, ("class", "classes"), "2 classes"),
    ],
)
def test_a_count(number, words, text):
    assert counted(number, *words) == text
