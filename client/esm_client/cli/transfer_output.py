"""How `transfer` shows its results."""

from typing import TYPE_CHECKING

from esm_client.cli.errors import entry_in_command_words, in_command_words
from esm_client.cli.options.session import Session
from esm_client.cli.output import one_line, print_error, print_line
from esm_client.core.quantities import counted

if TYPE_CHECKING:
    from esm_client.remote.client import Client
    from esm_client.workflows.transfer import TransferResult

LEGEND = (
    "performance: {metric} on {rows} held-out rows{seeds}. gain: over no intermediate task. "
    "seconds: of all fine-tunings, the source's too."
)


def print_result(session: Session, result: "TransferResult") -> None:
    """The table, why something could not be tried, and where the best model is."""
    from esm_client.lab.evaluation.transfer_report import (
        COLUMNS,
        IN_SEQUENCE,
        NO_SOURCE,
        RIGHT,
    )
    from esm_client.lab.evaluation.transfer_run import WORK

    report, rows, output = result.report, result.evaluation_rows, result.path
    seeds = len(report.baseline.performances or {})
    repeated = f", mean ± standard deviation of {seeds} seeds" if seeds > 1 else ""

    def human() -> None:
        cells = [report.cells(row) for row in report.sorted_rows]
        session.output.table(COLUMNS, cells, RIGHT)
        print_line(LEGEND.format(metric=report.metric_name, rows=rows, seeds=repeated))
        for row in report.rows:
            if row.title == IN_SEQUENCE and row.is_tried:
                print_line(one_line(f"{IN_SEQUENCE}: {row.name}; the best ranked comes last."))
        print_line(one_line(f"The model of {report.best.name} is in {output}, with results.json."))
        session.output.note(
            f"{output / WORK} holds the source models for another run (more --seeds, a larger "
            "--top); remove it when you need none."
        )

    best = report.best.name if report.best.names else "none"
    told = report.document()
    results = [entry_in_command_words(one, "reason", "note") for one in told["results"]]
    document = {**told, "results": results, "evaluation_rows": rows, "path": str(output)}
    session.output.result(document, names=[best], human=human)
    for row in report.failed:
        print_error(f"warning: {row.name} was not tried. {in_command_words(row.reason)}")
    for row in report.rows:
        if row.note:
            print_error(f"warning: {row.name}: {in_command_words(row.note)}")
    if report.best is report.baseline and len(report.rows) > len(report.failed) + 1:
        session.output.note(f"Nothing beats {NO_SOURCE} here; the model is the plain one.")


def report_result(
    session: Session, client: "Client", ranking: str, result: "TransferResult"
) -> None:
    """Tell the registry, once the results are printed: a registry that is gone costs none."""
    from esm_client.workflows.transfer_outcomes import as_metric_name, report_outcomes

    report = result.report
    reported = report_outcomes(client, ranking, report, sure=result.sure)
    if reported:
        session.output.note(
            f"Told the registry of {counted(reported, 'result')} of the ranking {ranking} "
            f"({as_metric_name(report.metric_name)}), in place of what you told of it before."
        )
