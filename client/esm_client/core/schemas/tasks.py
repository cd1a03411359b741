"""What an ESM stands for, and how well it does."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from esm_client.core.document import Items
from esm_client.core.schemas.contract import Contract, Count, Digest, SourceKind, Text


class SourceTask(Contract):
    """The data set an ESM stands for, and the columns and rows that were used."""

    data_set: Annotated[str, Field(min_length=1, max_length=1000)]
    subset: Text | None = None
    text_columns: Annotated[tuple[Text, ...], Items(16)] = ()
    label_column: Text | None = None
    split: Text | None = None
    num_rows: Count | None = None
    seed: int | None = None
    language: Text | None = None
    kind: SourceKind | None = None
    num_labels: Count | None = None
    rows_digest: Digest | None = None
    """Of the rows used, whatever their order: equal for the same data under two names."""


class Source(Contract):
    """How to get what an ESM stands for. Beside the version, so it can be corrected."""

    location: Text | None = None
    """Of the data set: a hub id, a URL or a path."""
    revision: Text | None = None
    """Of the data set: a commit, tag or date."""
    licence: Annotated[str, Field(max_length=200)] | None = None
    domain: Annotated[str, Field(max_length=100)] | None = None
    """What the texts are: reviews, news, tweets and so on."""
    contact: Text | None = None
    """Whom to ask for the data."""
    source_model: Text | None = None
    """Where the fine-tuned source model lies if it is not stored here: a hub id, URL or path."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What a user of the winner would have to ask for: `location`, `revision`, `licence`."""
        found = {
            "location": self.location or self.contact,
            "revision": self.revision or self.contact,
            "licence": self.licence,
        }
        return tuple(name for name, value in found.items() if not value)


class ProbeReport(Contract):
    """What a map was fitted to beside its source's rows, and how well it does there.

    Mean squared errors as of FitReport, on probe rows that it was not fitted to.
    """

    recipe: Text
    """The name of the way in which rows of random tokens were made."""
    texts: Count = 0
    """How many rows are somebody's own texts; the others are random tokens."""
    digest: Digest
    """Of the token ids of all probe rows."""
    own_rows: bool = True
    """Whether the map was fitted to its source's rows too."""
    held_out_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    identity_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    held_out_rows: Count


class FitReport(Contract):
    """How well the map imitates the fine-tuned model, on rows it was not fitted on.

    Mean squared errors per embedding coordinate; an ESM above the identity's is worse than none.
    """

    solver: Literal["ridge", "sgd"]
    held_out_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    identity_mse: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    held_out_rows: Count
    ridge_lambda: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    validation_metric: Annotated[float, Field(allow_inf_nan=False)] | None = None
    validation_metric_name: Text | None = None
    rank: Count | None = None
    """Of a low-rank map."""
    probes: ProbeReport | None = None
    """None, and no key, for a map that was fitted to its source's rows alone."""

    @model_serializer(mode="wrap")
    def _without_what_older_versions_do_not_know(
        self, dump: SerializerFunctionWrapHandler
    ) -> dict[str, Any]:
        document: dict[str, Any] = dump(self)
        if self.probes is None:
            document.pop("probes", None)
        return document

    @property
    def explained_share(self) -> float:
        """The share of the identity map's error that the map removes; negative if it adds some."""
        return 1.0 - self.held_out_mse / self.identity_mse if self.identity_mse > 0 else 0.0
