"""How a data set is read, whatever it is read for."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from esm_client.core.errors import InvalidInput
from esm_client.core.listed import listed
from esm_client.core.schemas import SourceKind


class DataOptions(BaseModel):
    """What may be said of a data set's columns, rows and format; nothing need be.

    text_columns: one column, or two for pairs; detected where there are none.
    label_column: class names where the data has them; otherwise words or numbers; lists of
        tags; answers in SQuAD's shape. Detected where it is None.
    kind: None for what the columns tell, else regression where labels have fractions, else
        classification.
    limit_rows: at most so many rows, drawn with `seed` and kept in their order.
    subset, data_revision, streaming: of a hub id.
    split: of what has several, or the value of a column of that name; default: train.
    evaluation_split: of a target: where a fine-tuned model is measured; else on rows that are
        held out.
    delimiter: of a .csv; default: detected.
    unlabelled: a label that stands for none; -1 is one where class names are known, and
        where the other labels count from 0 to at least 2.
    accept_doubts: use columns that were detected even where that is not certain.
    language: for the record.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text_columns: tuple[str, ...] = ()
    label_column: str | None = None
    kind: SourceKind | None = None
    limit_rows: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0)] = 42
    subset: str | None = None
    split: str | None = None
    evaluation_split: str | None = None
    data_revision: str | None = None
    streaming: bool = False
    delimiter: str | None = None
    unlabelled: str | int | None = None
    accept_doubts: bool = False
    language: str | None = None

    _listed = field_validator("text_columns", mode="before")(listed)

    @classmethod
    def of(cls, called: Mapping[str, str] = {}, /, **said: Any) -> Self:
        """The options that were said; raises InvalidInput for a value that cannot be.

        called: what the caller's users call an option, where that is not its name.
        """
        try:
            return cls(**said)
        except ValidationError as cause:
            problem = cause.errors(include_url=False)[0]
            name, told = str(problem["loc"][0]), str(problem["input"])[:60]
            name = called.get(name, name)
            raise InvalidInput(
                f"{name} is {told}: {problem['msg'].lower()}.",
                "Use another value, or leave it out.",
                parameters=(name,),
            ) from cause
