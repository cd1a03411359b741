"""Warnings about what a target sketch lets its holder compute."""

import warnings

SMALL_CLASS_ROWS = 5


class DisclosureWarning(UserWarning):
    """A sketch would reveal more about single rows than sums over many of them."""


class SmallClassWarning(DisclosureWarning):
    """A class has so few rows that the sketch comes close to revealing them."""


class FewRowsWarning(DisclosureWarning):
    """So few rows that the sketch holds them all, up to a rotation."""


def warn_small_classes(small: list[tuple[str, int]], stacklevel: int) -> None:
    """Warn if any class in `small`, pairs of name and row count, is listed."""
    if not small:
        return
    listed = ", ".join(f"{name[:80]!r} ({count})" for name, count in small[:5])
    more = f" and {len(small) - 5} more" if len(small) > 5 else ""
    warnings.warn(
        f"Classes with fewer than {SMALL_CLASS_ROWS} rows: {listed}{more}. The sum of the "
        "embeddings of each class can be computed from a sketch, so a class of one row "
        "reveals that row's embedding, and a class of a few rows nearly so. Merge such "
        "classes with others, or drop their rows, before you send the sketch.",
        SmallClassWarning,
        stacklevel=stacklevel + 1,
    )


def warn_few_rows(num_rows: int, columns: int, stacklevel: int) -> None:
    """Warn if `num_rows` is at most `columns`, the 1 + Z + C columns of the sketch."""
    if num_rows > columns:
        return
    warnings.warn(
        f"The sketch has {num_rows} rows and {columns} columns: the embeddings are only rotated, "
        "not summed up. Whoever holds the sketch knows their inner products. Use more rows, or "
        "rank on your own machine, if that matters.",
        FewRowsWarning,
        stacklevel=stacklevel + 1,
    )
