"""What came of rankings."""

from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote

from esm_client.core.errors import InvalidInput
from esm_client.core.references import check_name
from esm_client.core.schemas import Ledger, Outcome, OutcomeCreate
from esm_client.remote.http.requests import checked
from esm_client.remote.transport import Transport


class OutcomeResource:
    """`/v1/rankings/{id}/outcomes`, and the ledger of a space that follows from them."""

    def __init__(self, transport: Transport, rank_of: Callable[[str, str], int | None]) -> None:
        """rank_of: the rank of a source in a ranking without copies of its target, if known."""
        self._transport, self._rank_of = transport, rank_of

    def report(
        self,
        ranking: str,
        reference: str | None,
        metric: float,
        *,
        metric_name: str = "accuracy",
        seed: int | None = None,
        method_ranks: Mapping[str, int] | None = None,
        rank: int | None = None,
    ) -> Outcome:
        """POST how well the target was learnt after a source task of a ranking.

        ranking: its id. reference: the ESM as it stands there, or None for no intermediate task,
        the baseline. metric: on held-out rows of the target; higher is better. method_ranks: which
        rank other selection methods gave the source, for the ledger to compare. rank: its own,
        without copies of the target; default: as this machine knows it, if it does. A report of the
        same source, metric name and seed takes the place of the one before.
        Raises InvalidInput, also for a copy that was left out, NotFound for a ranking that is not
        yours, Conflict for one that is not done, Forbidden, TooLarge.
        """
        body = checked(
            OutcomeCreate,
            {
                "reference": reference,
                "metric": metric,
                "metric_name": metric_name,
                "seed": seed,
                "method_ranks": dict(method_ranks or {}),
                "rank": rank,
            },
        )
        if rank is None and reference is not None:
            body = body.model_copy(update={"rank": self._rank_of(ranking, reference)})
        try:
            return self._post(ranking, body)
        except InvalidInput as error:
            if body.rank is None or not error.message.startswith("rank: "):
                raise
            # a server of an earlier version knows no such field
            return self._post(ranking, body.model_copy(update={"rank": None}))

    def _post(self, ranking: str, body: OutcomeCreate) -> Outcome:
        return self._transport.post(_path(ranking), body, Outcome, idempotent=True)

    def withdraw(self, ranking: str, metric_name: str) -> None:
        """DELETE what you reported of a ranking in one metric, for instance to report anew.

        Raises NotFound for a ranking that is not yours, Conflict for one that is not done,
        Forbidden.
        """
        self._transport.delete(f"{_path(ranking)}/{quote(metric_name, safe='')}")

    def list(self, ranking: str) -> Iterator[Outcome]:
        """What was reported of a ranking, the first reported first; raises NotFound, Conflict."""
        return self._transport.pages(_path(ranking), Outcome)

    def ledger(self, space: str) -> Ledger:
        """GET how good each method's choices in a space were; raises NotFound, InvalidName."""
        return self._transport.get(f"/v1/spaces/{check_name(space, 'space')}/ledger", Ledger)


def _path(ranking: str) -> str:
    return f"/v1/rankings/{quote(ranking, safe='')}/outcomes"
