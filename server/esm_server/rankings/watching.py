"""Ending the rankings of those who may not ask any more, while they wait or run."""

import logging
from collections.abc import Callable, Mapping
from threading import Event, Thread

from esm_client.core.errors import EsmError, Unauthorized, Unavailable
from esm_server.auth.service import AuthService
from esm_server.rankings.running import Ranking

EVERY_SECONDS = 1.0
_LOG = logging.getLogger("esm_server")


class Watch:
    """Looks again and again whether the tokens of rankings on their way are still good.

    Asked for here rather than told where a token ends: that may also happen beside this process.
    """

    def __init__(
        self,
        auth: AuthService,
        active: Mapping[str, Ranking],
        end: Callable[[Ranking, EsmError], None],
    ) -> None:
        self._auth, self._active, self._end = auth, active, end
        self._closed = Event()

    def start(self) -> None:
        """Look in a thread of its own, until `close`."""
        Thread(target=self._run, name="ranking-watch", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(EVERY_SECONDS):
            try:
                self._look()
            except Unavailable:
                continue  # the next time
            except Exception as error:
                _LOG.exception("the rankings on their way could not be looked at", exc_info=error)

    def _look(self) -> None:
        ended: dict[int, Unauthorized | None] = {}
        for ranking in list(self._active.values()):
            token = ranking.caller.token_id
            if token not in ended:
                ended[token] = self._ended(ranking)
            if (error := ended[token]) is not None:
                self._end(ranking, error)

    def _ended(self, ranking: Ranking) -> Unauthorized | None:
        try:
            self._auth.of_token(ranking.caller.token_id)
        except Unauthorized as error:
            return error
        return None
