"""The card of an ESM (README.md), written from what its configuration says."""

import json
from collections.abc import Mapping

from esm_client.core.artifact.config import EsmConfig
from esm_client.core.maps.wide import WideMap
from esm_client.core.schemas import FitReport, ProbeReport, Source, SourceTask

_INTRODUCTION = (
    "An embedding space map ({architecture}): it approximates what fine-tuning `{base_model}` on "
    "this task does to its text embeddings. With it a registry tells, without the data set and "
    "without fine-tuning, whether the task is a good one to train on first."
)


def write_card(config: EsmConfig, source: Source | None = None) -> str:
    """Markdown with the front matter that model hubs read."""
    known = source or Source()
    return "\n".join(
        [
            "---",
            f"base_model: {_quoted(config.base_model)}",
            *([f"license: {_quoted(known.licence)}"] if known.licence else []),
            *([f"language: {_quoted(config.task.language)}"] if config.task.language else []),
            "tags:",
            "- embedding_space_map",
            f"- {_quoted(f'BaseLM:{config.base_model}')}",
            "---",
            "",
            f"# ESM {config.task.data_set}",
            "",
            _INTRODUCTION.format(base_model=config.base_model, architecture=config.architecture),
            "",
            "## Source task",
            *_task_rows(config.task, known),
            "",
            *_space_section(config),
            "## Training",
            *_recipe_rows(config),
            "",
            *(_fit_section(config.fit) if config.fit else []),
            *_use(config),
        ]
    )


def _task_rows(task: SourceTask, source: Source) -> list[str]:
    facts = {
        "data set": task.data_set,
        "subset": task.subset,
        "split": task.split,
        "text columns": ", ".join(task.text_columns),
        "label column": task.label_column,
        "kind": task.kind,
        "classes": task.num_labels if task.kind == "classification" else None,
        "rows": task.num_rows,
        "sampled with seed": task.seed,
        "language": task.language,
        "domain": source.domain,
        "where it lies": source.location,
        "revision": source.revision,
        "licence of the data": source.licence or "not stated",
        "contact": source.contact,
    }
    return _table(facts)


def _space_section(config: EsmConfig) -> list[str]:
    space = config.space
    if space is None:
        return []
    facts = {
        "base model": space.base_model,
        "revision": space.revision,
        "pooling": space.pooling,
        "max length": space.max_length,
        "separator of pairs": f"`{space.separator}`",
        "dimension": space.dimension,
        "views of an inner layer, behind it": space.views,
    }
    return ["## Embedding space", *_table(facts), ""]


def _recipe_rows(config: EsmConfig) -> list[str]:
    names = {"lm": "fine-tuning", "esm": "map"}
    facts: dict[str, object] = {}
    for key, value in config.recipe.model_dump().items():
        part, _, what = key.partition("_")
        facts[f"{names[part]}: {what.replace('_', ' ')}"] = value
    return _table(facts)


def _fit_section(fit: FitReport) -> list[str]:
    verdict = (
        f"The map explains {100 * fit.explained_share:.0f} percent of what fine-tuning changes "
        "(one minus its error over the identity's)."
        if fit.held_out_mse < fit.identity_mse
        else "**The map is worse than no map at all: do not use it.**"
    )
    facts = {
        "mean squared error of the map": f"{fit.held_out_mse:.4g}",
        "mean squared error of the identity": f"{fit.identity_mse:.4g}",
        "rank": fit.rank,
        "ridge penalty, relative": fit.ridge_lambda,
        fit.validation_metric_name or "validation metric": fit.validation_metric,
    }
    title = f"## On {fit.held_out_rows} held-out rows"
    return [title, *_table(facts), "", verdict, "", *_probe_section(fit.probes)]


def _probe_section(probes: ProbeReport | None) -> list[str]:
    if probes is None:
        return []
    facts = {
        "made by": probes.recipe,
        "texts put to them": probes.texts or None,
        "digest": f"`{probes.digest}`",
        "mean squared error of the map": f"{probes.held_out_mse:.4g}",
        "mean squared error of the identity": f"{probes.identity_mse:.4g}",
    }
    fitted = (
        "The map was fitted to probe rows too, of which a tenth was held out."
        if probes.own_rows
        else "The map was fitted to probe rows alone, and to no row of its source."
    )
    title = f"## On {probes.held_out_rows} held-out probe rows"
    return [title, *_table(facts), "", fitted, ""]


def _table(facts: Mapping[str, object]) -> list[str]:
    rows = [
        f"| {name} | {_cell(value)} |" for name, value in facts.items() if value not in (None, "")
    ]
    return ["", "| | |", "|---|---|", *rows]


def _quoted(text: str) -> str:
    """A text as YAML reads it, whatever signs it holds."""
    return json.dumps(text, ensure_ascii=False)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def _use(config: EsmConfig) -> list[str]:
    if config.space is None or config.space.views is None:
        return _USE
    views = "esm.config.space.views" if config.architecture == WideMap.architecture else None
    made = f"embedder = Embedder(BASE_MODEL, views={views})"
    applied = "source_embeddings = esm.apply(embedder.embed(texts))"
    return [f"{made}\n{applied}" if line == _APPLIED else line for line in _USE]


_APPLIED = "source_embeddings = esm.apply(base_embeddings)  # numpy or torch, (rows, dimension)"
_USE = [
    "## Use",
    "",
    "```python",
    "from esm_client import EsmArtifact",
    "",
    'esm = EsmArtifact.read("this-folder")',
    _APPLIED,
    "```",
    "",
    "With hf-dataset-selector, which reads linear maps (export this ESM to get one):",
    "",
    "```python",
    "from hfselect import ESM",
    "",
    'esm = ESM.from_pretrained("this-folder")',
    "```",
    "",
    "Compare embeddings only with embeddings of the same space.",
    "",
]
