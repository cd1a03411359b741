"""Default limits on everything that travels; the server's settings can change its own."""

MAX_DIMENSION = 8192
MAX_LABEL_COLUMNS = 1000
MAX_SKETCH_BYTES = 64 * 2**20
MAX_EMBEDDED_BYTES = 64 * 2**20
MAX_ARTIFACT_BYTES = 256 * 2**20
MAX_ARTIFACT_FILES = 16
MAX_TENSOR_HEADER_BYTES = 2**20
MAX_CARD_BYTES = 256 * 2**10
MAX_CONFIG_BYTES = 256 * 2**10
MAX_PROVENANCE_BYTES = 64 * 2**10
MAX_JSON_BYTES = 256 * 2**10
"""Of a request as JSON; those that hold more by right have the limits below."""
MAX_CARD_JSON_BYTES = MAX_JSON_BYTES + 3 * MAX_CARD_BYTES
"""With a card, whose characters JSON may write longer."""
MAX_SPACE_JSON_BYTES = MAX_JSON_BYTES + 5 * 25 * MAX_DIMENSION
"""With the five canary embeddings of a space, 25 characters a number."""
MAX_VERSION_JSON_BYTES = MAX_CARD_JSON_BYTES + MAX_SPACE_JSON_BYTES
"""With both, as a push has it."""
MAX_PAGE_ROWS = 200
MAX_SOURCE_MODEL_BYTES = 20 * 2**30
MAX_SOURCE_MODEL_FILES = 64
MAX_RANKING_ROWS = 10_000
MAX_RANKING_WAIT = 60.0
MAX_PACKED_ESMS = 5_000
MAX_PULLED_ESMS = 250
MAX_FOLDS = 20
MAX_RANK = 10**6
MAX_METRIC = 1e9
MAX_METHOD_RANKS = 32
MAX_OUTCOMES = 1000
"""Of one ranking."""
MAX_LEDGER_METHODS = 200
