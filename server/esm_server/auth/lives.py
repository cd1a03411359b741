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

    def end(self, wanted: timedelta | None, latest: datetime | None = None) -> datetime | None:
        """When a token that is made or rotated now ends, None for never.

        It lives as long as is wanted, but no longer than allowed, nor than until `latest`: the end
        of the token that it is made with, or the one that it had.
        """
        present = now()
        ends = [present + life for life in (wanted, self.longest) if life is not None]
        return min([*ends, *([] if latest is None else [latest])], default=None)

    def rested(self, last_use: datetime) -> bool:
        """Whether a token that was made or used then has ended since."""
        present = now()
        since = self.used_since(present)
        return since is not None and last_use <= since

    def used_since(self, present: datetime) -> datetime | None:
        """After which a token must have been made or used to be good, None for whenever."""
        return None if self.unused is None else present - self.unused


def outlives(end: datetime | None, other: datetime | None) -> bool:
    """Whether one that ends at `end` goes on when one that ends at `other` is over."""
    return other is not None and (end is None or end > other)


def _days(number: int) -> timedelta | None:
    return timedelta(days=number) if number else None
