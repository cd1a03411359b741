"""`config.json`: hf-dataset-selector's flat keys, and ours under one nested key it ignores."""

import json
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from esm_client.core.document import Document
from esm_client.core.errors import InvalidArtifact
from esm_client.core.json_object import parse_object
from esm_client.core.limits import MAX_CONFIG_BYTES, MAX_DIMENSION
from esm_client.core.maps.storage import Architecture
from esm_client.core.schemas import FitReport, SourceKind, SourceTask
from esm_client.core.spaces import SpaceIdentity

OUR_KEY = "esm_registry"
FORMAT_VERSION = 1
PEER_LAYOUT = "0.2.1"
"""The `version` we write: exactly "0.1.0" would make the peer build its legacy layout."""


class Recipe(BaseModel):
    """Hyper-parameters of the fine-tuning (`lm_`) and of the map's fit (`esm_`)."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    lm_num_epochs: float | None = None
    lm_batch_size: int | None = None
    lm_learning_rate: float | None = None
    lm_weight_decay: float | None = None
    lm_optimizer: str | None = None
    esm_num_epochs: float | None = None
    esm_batch_size: int | None = None
    esm_learning_rate: float | None = None
    esm_weight_decay: float | None = None
    esm_optimizer: str | None = None


class EsmConfig(Document):
    """What an ESM says of itself, whichever package wrote it."""

    base_model: Annotated[str, Field(min_length=1, max_length=300)]
    task: SourceTask
    architecture: Architecture = "linear"
    dimension: Annotated[int, Field(ge=1, le=MAX_DIMENSION)]
    space: SpaceIdentity | None = None
    """None in files of other packages, which do not say their embedding space."""
    recipe: Recipe = Recipe()
    fit: FitReport | None = None
    developers: str | None = None
    published_version: str | None = None
    """`version` of a file of another package; None in ours."""

    def to_json(self) -> bytes:
        """The bytes of `config.json`: stable for equal content."""
        task = self.task
        document: dict[str, Any] = {
            "base_model_name": self.base_model,
            "task_id": task.data_set,
            "task_subset": task.subset,
            "text_column": ",".join(task.text_columns) or None,
            "label_column": task.label_column,
            "task_split": task.split,
            "num_examples": task.num_rows,
            "seed": task.seed,
            "language": task.language,
            "esm_architecture": self.architecture,
            "esm_embedding_dim": self.dimension,
            **self.recipe.model_dump(),
            "developers": self.developers,
            "version": PEER_LAYOUT,
            OUR_KEY: {
                "format": FORMAT_VERSION,
                "task": {
                    "text_columns": list(task.text_columns),
                    "kind": task.kind,
                    "num_labels": task.num_labels,
                    "rows_digest": task.rows_digest,
                },
                "space": self.space.model_dump() if self.space else None,
                "fit": self.fit.model_dump() if self.fit else None,
            },
        }
        return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes, dimension: int | None = None) -> "EsmConfig":
        """Read a `config.json` of ours or of hf-dataset-selector 0.1.0 to 0.2; InvalidArtifact.

        `dimension` stands in where the file does not say it, which it need not elsewhere.
        """
        document = _parse(data)
        nested: object = document.get(OUR_KEY) or {}
        if not isinstance(nested, dict):
            raise _invalid(f"its key {OUR_KEY!r} is not an object")
        ours = cast("dict[str, Any]", nested)
        if ours.get("format", FORMAT_VERSION) != FORMAT_VERSION:
            raise _invalid(
                f"it has format {str(ours['format'])[:80]!r}; this version reads {FORMAT_VERSION}"
            )
        extra = cast("dict[str, Any]", ours.get("task") or {})
        stated = document.get("esm_embedding_dim")
        try:
            columns = extra.get("text_columns") or _columns(document.get("text_column"))
            return cls.model_validate(
                {
                    "base_model": document.get("base_model_name"),
                    "task": SourceTask(
                        data_set=cast("str", document.get("task_id")),
                        subset=document.get("task_subset"),
                        text_columns=tuple(columns),
                        label_column=document.get("label_column"),
                        split=document.get("task_split"),
                        num_rows=document.get("num_examples"),
                        seed=document.get("seed"),
                        language=_joined(document.get("language")),
                        kind=cast("SourceKind | None", extra.get("kind")),
                        num_labels=extra.get("num_labels"),
                        rows_digest=extra.get("rows_digest"),
                    ),
                    "architecture": document.get("esm_architecture") or "linear",
                    "dimension": dimension if stated is None else stated,
                    "space": ours.get("space"),
                    "recipe": document,
                    "fit": ours.get("fit"),
                    "developers": _joined(document.get("developers")),
                    "published_version": None if ours else document.get("version"),
                }
            )
        except (ValidationError, TypeError, AttributeError) as cause:
            raise _invalid(_first_problem(cause)) from cause


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_CONFIG_BYTES:
        raise _invalid(f"it holds {len(data)} bytes, more than {MAX_CONFIG_BYTES}")
    try:
        return parse_object(data)
    except ValueError as cause:
        raise _invalid(str(cause)) from cause


def _columns(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split(",")
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []


def _joined(value: object) -> str | None:
    if isinstance(value, list):
        return ",".join(str(item) for item in cast("list[object]", value)) or None
    return None if value is None else str(value)


_KEYS = {"base_model": "base_model_name", "task": "task_id", "dimension": "esm_embedding_dim"}


def _first_problem(cause: Exception) -> str:
    if not isinstance(cause, ValidationError):
        return str(cause)
    problem = cause.errors(include_url=False)[0]
    path = ".".join(str(part) for part in problem["loc"])[:200]
    shown = _KEYS.get(path, "task_id" if path == "data_set" else path)
    return f"{shown!r} is {str(problem['input'])[:80]!r}: {problem['msg'].lower()}"


def _invalid(reason: str) -> InvalidArtifact:
    return InvalidArtifact(
        f"config.json cannot be used: {reason}.",
        "An ESM needs at least base_model_name and task_id.",
    )
