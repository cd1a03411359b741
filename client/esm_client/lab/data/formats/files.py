"""Opening a data file as text, packed or not."""

import gzip
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from esm_client.core.errors import InvalidDataset


def suffix_of(path: Path) -> str:
    """The suffix that names the format: that before .gz, in small letters."""
    packed = path.suffix.lower() == ".gz"
    return Path(path.stem).suffix.lower() if packed else path.suffix.lower()


def stem_of(path: Path) -> str:
    """The file's name without its suffixes: what the data set is called."""
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


@contextmanager
def open_text(path: Path, newline: str | None = None) -> Generator[TextIO]:
    """Open as UTF-8, with or without a byte order mark.

    Raises InvalidDataset for bytes that are no UTF-8, for a damaged packing, and for a file that
    may not be read, whenever that shows.
    """
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig", newline=newline) as file:
            yield file  # pyright: ignore[reportReturnType]
    except UnicodeDecodeError as cause:
        raise InvalidDataset(
            f"{path.name} is not UTF-8 text (byte {cause.start} of a block).", "Save it as UTF-8."
        ) from cause
    except (gzip.BadGzipFile, EOFError) as cause:
        raise InvalidDataset(
            f"{path.name} cannot be unpacked: {cause}.", "Copy or download it again."
        ) from cause
    except OSError as cause:
        raise InvalidDataset(
            f"{path.name} cannot be read: {cause.strerror or cause}.", "Check its permissions."
        ) from cause


def whole_text(value: object) -> object:
    """Text without halves of surrogate pairs, which JSON can escape and UTF-8 cannot hold."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
