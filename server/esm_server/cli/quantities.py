"""Times and sizes as people write them: 24h, 50MB."""

import re
from datetime import timedelta

from esm_client.core.errors import InvalidInput

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_LONGEST = 36_500 * 86_400


def duration(string: str) -> timedelta:
    """`90s`, `30m`, `24h`, `7d`, or 0; raises InvalidInput."""
    match = re.fullmatch(r"(\d{1,10})([smhd])|(0)", string)
    seconds = 0 if match is None or match[3] else int(match[1]) * _SECONDS[match[2]]
    if match is None or seconds > _LONGEST:
        raise InvalidInput(
            f"{string[:50]!r} is no length of time.", "Write it like 90s, 24h or 7d."
        )
    return timedelta(seconds=seconds)


def speed(string: str) -> float:
    """Bytes a second from `50MB` or `500kB`; raises InvalidInput."""
    match = re.fullmatch(r"(\d{1,9})(B|kB|KB|MB|GB)?(/s)?", string)
    if match is None or int(match[1]) == 0:
        raise InvalidInput(f"{string[:50]!r} is no speed.", "Write it like 50MB or 500kB a second.")
    return float(int(match[1]) * _BYTES[match[2] or ""])
