"""How well maps imitate their fine-tuning (the paper's Figure 2), as numbers and a picture.

    python tests/bench/imitation.py --data DIR --grid OUT [--plot docs/imitation.svg]

OUT holds base_embeddings.py's and source_scores.py's files. Each map is fitted to 1 350 of
a source's 1 500 rows; errors, and the LogME of its own labels, are those of the last 150.
The picture shows these rows, coloured by their label, as the base model, the source model and the
map see them, on the two principal axes of what the source model sees.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from bench.source_scores import OWN_ROWS, read_plan
from safetensors.numpy import load_file

from esm_client.core.scoring.evidence import log_maximum_evidence
from esm_client.lab.build.reading import read_data_set
from esm_client.lab.evaluation.plots import COLOURS, figure_of, svg_of
from esm_client.lab.training.fit.ridge import fit_ridge

HELD, DOTS = 150, 110
SHOWN = ("tweeteval_offensive", "ag_news", "sick_relatedness")


def main() -> None:
    """A row per source, then the picture."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--grid", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    base = load_file(arguments.grid / "base.safetensors")
    tuned = {}
    for path in sorted(arguments.grid.glob("tuned-*.safetensors")):
        tuned |= load_file(path)
    print(f"{'source':24s} {'rank':>4s} {'identity':>9s} {'map':>9s} {'explained':>9s}   "
          "LogME of its own labels: base, map, source model")  # fmt: skip
    panels, shares = {}, []
    for source in read_plan(arguments.grid).sources:
        x, y = base[f"source:{source.name}"], tuned[source.name].astype(np.float32)
        rows = np.arange(len(x))
        fitted = fit_ridge(x, y, rows[:-HELD], rank="auto").map
        x, y = x[-HELD:], y[-HELD:]
        mapped = fitted.apply(x.astype(np.float64))
        before, after = (float(((seen - y) ** 2).mean()) for seen in (x, mapped))
        path = arguments.data / "tasks" / Path(source.data).name
        task, _ = read_data_set(source.model_copy(update={"data": str(path)}))
        labels = task.labels[:OWN_ROWS][-HELD:]
        said = [log_maximum_evidence(seen, labels, kind=task.kind) for seen in (x, mapped, y)]
        shares.append(1 - after / before)
        print(f"{source.name:24s} {fitted.rank:4d} {before:9.4f} {after:9.4f} {shares[-1]:9.0%}   "
              + " ".join(f"{value:8.4f}" for value in said))  # fmt: skip
        if source.name in SHOWN:
            panels[source.name] = x[:DOTS], mapped[:DOTS], y[:DOTS], labels[:DOTS]
    print(f"mean {np.mean(shares):.0%}, from {min(shares):.0%} to {max(shares):.0%}")
    if arguments.plot:
        arguments.plot.write_text(picture(panels))


def picture(panels: dict) -> str:
    """A row per source; base model, map, source model from left to right."""
    figure, axes = figure_of(7.2, 2.3 * len(panels), rows=len(panels), columns=3)
    for line, (name, (x, mapped, y, labels)) in zip(axes, panels.items(), strict=True):
        centre = y.mean(axis=0)
        two = np.linalg.svd(y - centre, full_matrices=False)[2][:2].T
        classes, numbers = np.unique(labels, return_inverse=True)
        few = len(classes) <= len(COLOURS)
        colours = [COLOURS[n] for n in numbers] if few else labels
        for cell, title, seen in zip(
            line, ("base model", "map", "source model"), (x, mapped, y), strict=True
        ):
            place = np.round((seen - centre) @ two, 3)
            cell.scatter(place[:, 0], place[:, 1], s=6, c=colours, linewidths=0)
            cell.set_xticks([])
            cell.set_yticks([])
            cell.set_title(f"{name}: {title}", fontsize=8)
    return svg_of(figure)


if __name__ == "__main__":
    main()
