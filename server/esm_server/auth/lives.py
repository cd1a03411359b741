"""How long tokens live, by the settings of their registry."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from esm_server.db.columns import now
from esm_server.settings import Settings


@dataclass(frozen=True, slots=True)
class TokenLives:
    """What new tokens get where nobody says it, what they get at most, how long they may rest."""

    default: timedelta | None = None
    longest: timedelta | None = None
    unused: timedelta | None = None
    """After so long without a use a token ends, also one that was made before this was set."""

    @classmethod
    def of(cls, settings: Settings) -> "TokenLives":
        """As the settings say."""
        return cls(
            _days(settings.token_days),
            _days(settings.max_token_days),
            _days(settings.unused_token_days),
        )

    def end(self, wanted: timedelta | None, maker: datetime | None = None) -> datetime | None:
        """When a new token ends, None for never.

        It lives as long as is wanted, but no longer than allowed, nor than the token that it is
        made with, which ends at `maker`.
        """
        present = now()
        ends = [present + life for life in (wanted, self.longest) if life is not None]
        return min([*ends, *([] if maker is None else [maker])], default=None)

    def rested(self, last_use: datetime) -> bool:
        """Whether a token that was made or used then has ended since."""
        return self.unused is not None and last_use + self.unused <= now()


def outlives(end: datetime | None, other: datetime | None) -> bool:
    """Whether one that ends at `end` goes on when one that ends at `other` is over."""
    return other is not None and (end is None or end > other)


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None
