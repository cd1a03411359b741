"""Numbers as people write them."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 row`, `2 rows`; `2 classes`, where the plural is not the noun with an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def size(num_bytes: int) -> str:
    """A number of bytes: `17 B`, `1.2 MB`."""
    if num_bytes < 1000:
        return f"{num_bytes} B"
    amount = float(num_bytes)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"
