"""`esm-client rank --method`."""

from esm_client.cli.method_document import document
from esm_client.cli.options.session import Session
from esm_client.cli.output import print_error, print_line
from esm_client.cli.rank_request import RankRequest
from esm_client.lab.data.task import TextTask
from esm_client.lab.selection.choice import choose_methods
from esm_client.ranking import method_rows as rows
from esm_client.ranking.local.space import LocalSpace
from esm_client.ranking.method_ranking import MethodRanking
from esm_client.ranking.rows import how_to_get, shield_notes
from esm_client.ranking.source_pool import SourcePool
from esm_client.remote.publishing.cached_space import cached_space
from esm_client.workflows.base_models import space_embedder
from esm_client.workflows.methods import check_folders, rank_pool
from esm_client.workflows.rank import known_url, warn_if_retired
from esm_client.workflows.source_models import named_folders, stored_folders


def rank_by_named_methods(session: Session, request: RankRequest, task: TextTask) -> None:
    """Rank for a task by the methods that were asked for, and print it."""
    methods = choose_methods(
        request.methods, task.kind, models=bool(request.source_models), source_rows=False
    )
    local = _space(session, request)
    pool = SourcePool.of(local, task.rows, request.filter, keep_copies=request.keep_copies)
    named = named_folders(pool, request.source_models)
    check_folders(named)
    embedder = space_embedder(known_url(session), local.content.space, request.base_model())
    session.output.note(f"Target: {task.kind}, {len(task)} rows. Nothing of it is sent.")
    models = {**stored_folders(session, pool, request.methods, named), **named}
    with session.output.counting(f"Ranking in {pool.name}") as watch:
        ranking = rank_pool(
            pool, task, embedder, methods, models, seed=request.seed,
            progress=lambda what, done, total: watch(done, total),  # noqa: ARG005
        )  # fmt: skip
    _print(session, ranking, request)


def _space(session: Session, request: RankRequest) -> LocalSpace:
    """The pulled space: from the folder that was named, or pulled into the cache."""
    if request.pack is not None:
        return LocalSpace(request.pack)
    name = request.spaces[0]
    with session.client() as client, session.output.counting(f"Pulling {name}") as watch:
        local = cached_space(client.packs, session.settings(), name, watch)
    warn_if_retired(local.content.space)
    return local


def _print(session: Session, ranking: MethodRanking, request: RankRequest) -> None:
    shown = ranking if request.top is None else ranking.top(request.top)

    def human() -> None:
        print_line(rows.heading(ranking))
        if not len(ranking):
            print_line("There is nothing to rank.")
            for note in shield_notes(ranking.subject.shield, ranking.subject.left_out):
                print_line(note)
            return
        cells = [rows.cells(ranking, row, scores=request.scores) for row in shown]
        session.output.table(rows.columns(ranking), cells, rows.right(ranking))
        if len(shown) < len(ranking):
            print_line(f"… and {len(ranking) - len(shown)} more without --top")
        for line in (*rows.notes(ranking), *how_to_get(ranking[0])):
            print_line(line)
        print_line(f"Go on with: esm-client pull {ranking[0].reference}")

    ranked = [row.reference for row in shown if row.rank is not None]
    session.output.result(document(shown), names=ranked, human=human)
    for problem in rows.problems(ranking):
        print_error(f"warning: {problem}")
