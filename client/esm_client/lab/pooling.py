"""From token vectors to one vector per text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from esm_client.core.errors import InvalidInput
from esm_client.core.json_object import parse_object
from esm_client.core.spaces import Pooling

_CONFIG = Path("1_Pooling") / "config.json"
_MODES: Mapping[str, Pooling] = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "first-token",
}
_NAMES: Mapping[object, Pooling] = {"mean": "mean", "cls": "first-token"}


def detect_pooling(folder: Path) -> Pooling:
    """The pooling a model folder asks for, as sentence-transformers writes it, else "mean".

    Raises InvalidInput where the folder asks for a pooling that is not one of ours.
    """
    path = folder / _CONFIG
    if not path.is_file():
        return "mean"
    try:
        document = parse_object(path.read_bytes())
    except ValueError as cause:
        raise InvalidInput(f"{path} cannot be read: {cause}.", _CHOOSE) from cause
    if document.get("pooling_mode") in _NAMES:
        return _NAMES[document["pooling_mode"]]
    modes = [key for key, on in document.items() if key.startswith("pooling_mode_") and on is True]
    if len(modes) == 1 and modes[0] in _MODES:
        return _MODES[modes[0]]
    raise InvalidInput(f"{path} asks for the pooling {modes or 'nothing'}.", _CHOOSE)


_CHOOSE = 'Choose `pooling`: "mean", "first-token" or "pooler".'


def pool(pooling: Pooling, output: Any, attention_mask: Any) -> Any:
    """Pool a transformer's output, padded on the right, into one vector per text.

    Args:
        pooling: "mean" is the mean over the tokens that are not padding.
        output: what the model returned: `last_hidden_state` (B, T, D) and, for "pooler",
            `pooler_output` (B, D).
        attention_mask: integer tensor (B, T), 1 for tokens and 0 for padding.

    Returns:
        Tensor (B, D) in float32, whatever precision the model computes in: a mean over 128
        tokens summed in half precision would lose digits.

    Raises InvalidInput for "pooler" where the model has no pooler output.
    """
    if pooling == "pooler":
        pooled = cast("Any", getattr(output, "pooler_output", None))
        if pooled is None:
            raise InvalidInput(
                "This model has no pooler output.",
                'Use `pooling="mean"` or `pooling="first-token"`.',
                parameters=("pooling",),
            )
        return pooled.float()
    hidden = output.last_hidden_state
    if pooling == "first-token":
        return hidden[:, 0].float()
    return token_mean(hidden, attention_mask)


def token_mean(hidden: Any, attention_mask: Any) -> Any:
    """The mean (B, D) of the tokens (B, T, D) that are not padding, in float32."""
    mask = attention_mask.unsqueeze(-1).float()
    return (hidden.float() * mask).sum(1) / mask.sum(1).clamp(min=1.0)
