"""The log of the maximum evidence (LogME) of labels given features."""

from typing import Literal

from numpy.typing import ArrayLike

from esm_client.core.errors import InvalidInput
from esm_client.core.scoring.features import as_features, centred, scaled_to_unit
from esm_client.core.scoring.labels import Kind, check_paired, check_varied, label_columns
from esm_client.core.scoring.published import published_log_evidence
from esm_client.core.scoring.spectrum import mean_log_evidence

Variant = Literal["exact", "published"]
SCORE_NAME, SCORE_VERSION = "log-maximum-evidence", 1
"""What receipts call the exact score."""


def log_maximum_evidence(
    features: ArrayLike,
    labels: ArrayLike,
    *,
    kind: Kind,
    variant: Variant = "exact",
    intercept: bool = True,
) -> float:
    """Score how well a Bayesian linear model on `features` explains `labels`.

    features: (N, D), float16, float32 or float64, computed in float64, not changed.
    labels: (N,) integers, strings, booleans or floats for classification; (N,) or
    (N, C) numbers for regression. Returns the mean over label columns of the log
    evidence per row, in nats; higher is better. Scores of different targets or
    sample sizes are not comparable.

    variant "exact": the global maximum over both precisions (MacKay 1992; You et al.
    2021, LogME, section 3). With `intercept` the model has a free constant: features
    and labels are centred and N - 1 takes the place of N. Regression columns are
    divided by their root mean square (over N - 1 after centring, or over N without
    intercept), so that the score does not depend on the labels' unit. The result does
    not depend on the scale or rotation of the features.
    variant "published": the fixed point of hf-dataset-selector 0.2, see
    `published_log_evidence`; it has no intercept and ignores that argument.

    Raises InvalidEmbeddings for NaN, infinity or a wrong shape; InvalidLabels for
    NaN, a wrong shape, a number of rows that differs from the features', and labels
    that do not vary (one class or a constant column with intercept, a column of
    zeros without); InvalidInput for an unknown kind or variant.

    >>> x = [[1.0, 0.2], [-1.0, 0.1], [2.0, -0.3], [-2.1, 0.0]]
    >>> round(log_maximum_evidence(x, [1, 0, 1, 0], kind="classification"), 6)
    -0.442067
    >>> round(log_maximum_evidence(x, [1.1, -0.9, 2.0, -2.0], kind="regression"), 6)
    1.212941
    """
    if variant == "published":
        return published_log_evidence(features, labels, kind=kind)
    if variant != "exact":
        raise InvalidInput(
            f"{variant!r} is no variant of the score.",
            'Use variant="exact" or variant="published".',
        )
    columns = label_columns(labels, kind=kind)
    matrix = scaled_to_unit(as_features(features))
    check_paired(len(columns.values), len(matrix))
    check_varied(columns, intercept=intercept)
    values = columns.values
    if kind == "regression":
        values = scaled_to_unit(values, axis=0)
    if intercept:
        matrix, values = centred(matrix)[0], centred(values)[0]
    num_rows = len(matrix) - int(intercept)
    return mean_log_evidence(matrix, values, kind=kind, num_rows=num_rows)
