"""A plan: data sets, base models and recipes, as a TOML file says them or a folder shows them."""

import re
import tomllib
from collections.abc import Sequence
from glob import glob
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
)

from esm_client.core.errors import InvalidInput
from esm_client.core.maps.storage import FittedArchitecture
from esm_client.core.schemas import Source
from esm_client.core.spaces import MAX_LENGTH, SEPARATOR, Pooling
from esm_client.core.views import SpaceViews
from esm_client.lab.data.formats.files import stem_of, suffix_of
from esm_client.lab.data.opening import SUFFIXES
from esm_client.lab.data.options import DataOptions
from esm_client.lab.probes import ProbeRecipe
from esm_client.lab.training.fit.recipe import FitRecipe, Solver
from esm_client.lab.training.recipe import FineTuneRecipe, Precision
from esm_client.lab.views import AskedViews

Positive = Annotated[int, Field(ge=1)]
DIGESTED = {"for": "digest"}
"""The context in which settings are written for a digest, not to be read back."""
WORDS = ("default", "none")
"""For views that are not spelled out."""


class Strict(BaseModel):
    """Settings that know no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSettings(DataOptions):
    """Everything that may be said of a data set, for one or, under [defaults], for all."""

    limit_rows: Positive | None = 10_000
    epochs: Positive = 3
    learning_rate: Annotated[float, Field(gt=0)] = 2e-5
    batch_size: Positive = 32
    patience: Positive | None = None
    precision: Precision = "auto"
    architecture: FittedArchitecture | None = None
    solver: Solver | None = None
    rank: Positive | None = None
    shield: bool = True
    keep_model: bool = False
    """Keep the fine-tuned source model beside the ESM."""
    location: str | None = None
    revision: str | None = None
    licence: str | None = None
    domain: str | None = None
    contact: str | None = None

    @property
    def recipe(self) -> FineTuneRecipe:
        """Of the fine-tuning."""
        return FineTuneRecipe(
            self.epochs, self.learning_rate, self.batch_size,
            patience=self.patience, precision=self.precision,
        )  # fmt: skip

    @property
    def fit(self) -> FitRecipe:
        """Of the map."""
        return FitRecipe.of(self.architecture, self.solver, self.rank)

    @property
    def source(self) -> Source:
        """What others are told of the data."""
        names = ("location", "revision", "licence", "domain", "contact")
        return Source(**{name: getattr(self, name) for name in names})


class DataSet(DataSettings):
    """One data set. data: a path or a hub id; name: of its ESM."""

    data: Annotated[str, Field(min_length=1)]
    name: str


class BaseModelChoice(Strict):
    """One base model, and how it embeds."""

    model: str
    """A folder or a hub id."""
    name: str | None = None
    pooling: Pooling | None = None
    max_length: Annotated[int, Field(ge=8)] = MAX_LENGTH
    separator: str = SEPARATOR
    views: SpaceViews | Positive | Literal["default", "none"] = "default"
    """Of an inner layer, which the maps read too: its number, or `{layer = 4, count = 384}`."""
    probe: str | None = None
    """A file of texts that maps which read views are fitted to too, one a line."""
    probes_only: bool = False
    """Whether such maps are fitted to probe rows alone, and to none of their sources'."""

    @field_validator("views", mode="before")
    @classmethod
    def _known_views(cls, views: Any) -> Any:
        if not _may_be_views(views):
            raise ValueError(
                'use "default", "none", a layer, or for instance {layer = 4, count = 384}'
            )
        return views

    @model_serializer(mode="wrap")
    def _as_digested(
        self, dump: SerializerFunctionWrapHandler, info: SerializationInfo
    ) -> dict[str, Any]:
        document: dict[str, Any] = dump(self)
        if info.context != DIGESTED:
            return document
        # digests of grids that began before these settings, when there were no views, stay
        later = {"views": "none", "probe": None, "probes_only": False}
        return {key: value for key, value in document.items() if later.get(key, ...) != value}

    @property
    def asked_views(self) -> AskedViews:
        """The views as an Embedder takes them."""
        return None if self.views == "none" else self.views

    @property
    def probes(self) -> ProbeRecipe | None:
        """What maps are fitted to beside their sources' rows; None for the default.

        Raises InvalidInput for a file that cannot be used.
        """
        if self.probe is None and not self.probes_only:
            return None
        path = None if self.probe is None else Path(self.probe)
        return ProbeRecipe.read(path, own_rows=not self.probes_only)


def check_replaced(choices: Sequence[BaseModelChoice]) -> None:
    """Raise InvalidInput where others would take the place of what a plan says of its maps."""
    for choice in choices:
        if choice.views != "default" or choice.probe is not None or choice.probes_only:
            raise InvalidInput(
                f"The plan says which views or probe rows its base model {choice.model!r} has, and "
                "another base model was named beside it.",
                "Name base models in the plan alone, or take views and probe rows out of it.",
                parameters=("base_models",),
            )


class Plan(Strict):
    """What to build: every data set for every base model."""

    data: tuple[DataSet, ...]
    base_models: tuple[BaseModelChoice, ...] = ()

    @classmethod
    def read(cls, path: Path, **overrides: Any) -> Self:
        """From a .toml file, or from a folder or file of data, which is a plan by itself.

        Args:
            overrides: settings that hold for all data sets whatever the file says; None is
                passed over.

        Raises InvalidInput, with the place in the file where it can be said.
        """
        given = {key: value for key, value in overrides.items() if value is not None}
        if path.suffix != ".toml":
            return cls(data=tuple(_data_sets({"data": str(path)}, {}, given, Path())))
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as cause:
            raise InvalidInput(f"{path} cannot be read: {cause}.", "Check the plan.") from cause
        return cls._from_document(document, path, given)

    def with_settings(self, **overrides: Any) -> Self:
        """The plan with settings that hold for all its data sets; None is passed over."""
        given = {key: value for key, value in overrides.items() if value is not None}
        data = [DataSet.of(**{**dict(one), **given}) for one in self.data]
        return self.model_copy(update={"data": tuple(data)})

    @classmethod
    def _from_document(cls, document: dict[str, Any], path: Path, given: dict[str, Any]) -> Self:
        unknown = set(document) - {"defaults", "data", "base_model"}
        if unknown:
            raise InvalidInput(
                f"{path} has a section {min(unknown)!r}.",
                "A plan holds [defaults], [[data]] and [[base_model]].",
            )
        defaults, folder = document.get("defaults", {}), path.parent
        try:
            data = [
                found
                for entry in document.get("data", [])
                for found in _data_sets(entry, defaults, given, folder)
            ]
        except ValidationError as cause:
            raise _not_settings(path, cause, DataSet) from cause
        try:
            models = [
                BaseModelChoice.model_validate(
                    entry | {key: _here(entry.get(key), folder) for key in ("model", "probe")}
                )
                for entry in document.get("base_model", [])
            ]
        except ValidationError as cause:
            raise _not_settings(path, cause, BaseModelChoice) from cause
        if not data:
            raise InvalidInput(f"{path} names no data set.", "Add [[data]] with data = PATH.")
        return cls(data=tuple(data), base_models=tuple(models))


def _may_be_views(said: object) -> bool:
    if isinstance(said, str):
        return said in WORDS
    return isinstance(said, dict | SpaceViews) or (type(said) is int and said > 0)


def _not_settings(path: Path, cause: ValidationError, wanted: type[BaseModel]) -> InvalidInput:
    """What a plan says that is none of the settings of a data set or a base model."""
    problem = cause.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return InvalidInput(
        f"{path}: {where} is {str(problem['input'])[:60]!r}: {problem['msg'].lower()}.",
        f"Known are {', '.join(wanted.model_fields)}.",
    )


def _data_sets(
    entry: dict[str, Any], defaults: dict[str, Any], given: dict[str, Any], folder: Path
) -> list[DataSet]:
    """One entry as its data sets: a pattern or a folder of files stands for each of them."""
    place = str(entry.get("data", ""))
    paths = _files(folder, place) if place else []
    if len(paths) > 1 and "name" in entry:
        raise InvalidInput(
            f"{place!r} stands for {len(paths)} data sets, and all would be called "
            f"{entry['name']!r}.",
            "Leave the name out; each is named after its file.",
        )
    settings = defaults | entry | given
    return [
        DataSet.model_validate({"name": _name_of(path), **settings, "data": path})
        for path in paths or [place]
    ]


def _files(folder: Path, place: str) -> list[str]:
    """The data files that a pattern or a folder stands for; itself where it is something else."""
    root = folder / place
    if any(sign in place for sign in "*?["):
        found = sorted(glob(str(root), recursive=True))  # noqa: PTH207 - Path.glob is relative
        if not found:
            raise InvalidInput(f"No file fits {place!r}.", "Check the pattern.")
        return found
    is_saved = any((root / name).is_file() for name in ("dataset_info.json", "dataset_dict.json"))
    if root.is_dir() and not is_saved:
        found = sorted(str(path) for path in root.iterdir() if suffix_of(path) in SUFFIXES)
        if not found:
            raise InvalidInput(f"{root} holds no data file.", f"Read are {', '.join(SUFFIXES)}.")
        return found
    return [str(root)] if root.exists() else [place]


def _here(place: str | None, folder: Path) -> str | None:
    """A path relative to the plan's folder, where there is such a one."""
    return str(folder / place) if place and (folder / place).exists() else place


def _name_of(data: str) -> str:
    """A legal name from a path or hub id."""
    path = Path(data)
    words = stem_of(path) if suffix_of(path) in SUFFIXES else path.name
    plain = re.sub(r"[^a-z0-9._-]+", "-", words.lower())
    return plain.lstrip(".")[:96] or "data"
