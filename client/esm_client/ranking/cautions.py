"""What is not known of copies of the target, in words that come before the best source's name."""

from collections.abc import Sequence

from esm_client.core.warnings import EsmWarning
from esm_client.ranking.rows import Named
from esm_client.ranking.shield import ShieldReport
from esm_client.ranking.table import printable

OFF = (
    "Whether these sources hold copies of your data is not known: it was ranked without its texts, "
    "so copies of it would not be noticed. Rank its texts to know."
)
NOT_COMPARED = "No source could be compared with your data: copies of it would not be noticed."
UNKNOWN = (
    "Whether these sources hold copies of your data is not known here: {}. Rank again to know."
)
OF_ONE = "Whether {} is a copy of your data is not known: it could not be compared."


class CopiesWarning(EsmWarning):
    """Nobody here knows whether sources of a ranking hold copies of the target."""


def cautions(shield: ShieldReport, best: Sequence[Named]) -> list[str]:
    """What nobody here knows of the rows of a ranking, of which `best` are the first, if any."""
    if not shield.not_compared:
        return []
    if shield.state == "off":
        return [OFF]
    if shield.state == "unknown":
        return [printable(UNKNOWN.format(shield.reason))]
    if not shield.num_compared:
        return [NOT_COMPARED]
    unsure = [row.reference for row in best if shield.share_of(row.reference) is None]
    return [printable(OF_ONE.format(reference)) for reference in unsure]
