"""Finding a base model, refusing what could run code, and loading it from safetensors only."""

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esm_client.core.artifact.manifest import digest_bytes, digest_file
from esm_client.core.errors import InvalidInput, UnsafeFile, UnsafeModel
from esm_client.core.json_object import parse_object
from esm_client.core.spaces import Pooling
from esm_client.lab.extras import require

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_CACHED = re.compile(r"/models--(?P<id>[^/]+)/snapshots/(?P<revision>[0-9a-f]{40})$")
_HUB_FILES = ["*.json", "*.safetensors", "*.txt", "*.model"]
"""What is fetched from a hub: never pickle, never Python."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")
_DECODERS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_VOCABULARY_FILES = (
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
)


_LOADING_ERRORS = (OSError, ValueError, KeyError, TypeError, ImportError, RuntimeError)

_OPTIONS = {"trust_remote_code": False, "local_files_only": True}


@dataclass(frozen=True)
class BaseModelFiles:
    """A base model on this machine.

    name: its hub id, or the last part of its path: it travels to the server, so never more.
    revision: the hub's commit, or what the caller asked for.
    """

    folder: Path
    name: str
    revision: str | None

    @property
    def weight_digest(self) -> str | None:
        """sha256 of the weight file; of the list of names and digests where it is in shards."""
        whole = self.folder / "model.safetensors"
        return _digest([whole] if whole.is_file() else sorted(self.folder.glob("*.safetensors")))

    @property
    def tokenizer_digest(self) -> str | None:
        """sha256 of tokenizer.json, or else of the vocabulary files."""
        whole = self.folder / "tokenizer.json"
        vocabulary = [self.folder / name for name in _VOCABULARY_FILES]
        return _digest([whole] if whole.is_file() else [p for p in vocabulary if p.is_file()])


def find_base_model(base_model: str | Path, revision: str | None = None) -> BaseModelFiles:
    """Find a base model in a folder, or by its hub id in the hub's cache or on the hub.

    Raises:
        InvalidInput: nothing was found; the message says where it was looked for.
        UnsafeModel: its configuration asks to run code of its own.
        UnsafeFile: its weights are stored as pickle only.
    """
    folder = Path(base_model)
    if folder.is_dir():
        found = _in_folder(folder, revision)
    else:
        found = _from_hub(str(base_model), revision)
    _check_configuration(found.folder)
    _check_weights(found.folder)
    return found


def load_base_model(files: BaseModelFiles, pooling: Pooling) -> tuple[Any, Any]:
    """Load (model, tokenizer), the model in float32 and in evaluation mode.

    Raises InvalidInput for files that transformers cannot use, and for weights that lack a part
    of the network that the pooling needs: transformers would fill it with random numbers.
    """
    from safetensors import SafetensorError

    transformers = require("transformers")
    try:
        with quiet(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(files.folder, **_OPTIONS)
            model, report = transformers.AutoModel.from_pretrained(
                files.folder,
                use_safetensors=True,
                dtype="float32",
                output_loading_info=True,
                **_OPTIONS,
            )
    except (SafetensorError, *_LOADING_ERRORS) as cause:
        raise _not_loaded(files.folder, cause) from cause
    needed = (key for key in report["missing_keys"] if pooling == "pooler" or "pooler" not in key)
    if absent := sorted(needed):
        raise InvalidInput(
            f"The weights in {files.folder} lack {absent[0]!r} (of {len(absent)} such parts).",
            "Use weights of this very model"
            + (', or another pooling than "pooler".' if pooling == "pooler" else "."),
        )
    return model.eval(), tokenizer


def read_shape(folder: Path) -> tuple[int, int]:
    """How many layers a base model has, and dimensions, 0 where its configuration does not say.

    Raises InvalidInput for one that transformers cannot use.
    """
    try:
        config = require("transformers").AutoConfig.from_pretrained(folder, **_OPTIONS)
        layers, dimension = (
            getattr(config, name, 0) for name in ("num_hidden_layers", "hidden_size")
        )
    except _LOADING_ERRORS as cause:
        raise _not_loaded(folder, cause) from cause
    return int(layers), int(dimension)


def _not_loaded(folder: Path, cause: Exception) -> InvalidInput:
    return InvalidInput(
        f"The base model in {folder} cannot be loaded: {cause}",
        "Check that the folder holds a transformers model and its tokenizer.",
    )


def _in_folder(folder: Path, revision: str | None) -> BaseModelFiles:
    """A model in a folder, named by the hub's cache, by its configuration or by the folder."""
    resolved = folder.resolve()
    if cached := _CACHED.search(resolved.as_posix()):
        name = cached["id"].replace("--", "/")
        return BaseModelFiles(folder, name, revision or cached["revision"])
    # `_name_or_path` in config.json is no help: a fine-tuned model keeps its parent's name there.
    return BaseModelFiles(folder, resolved.name or "model", revision)


def _from_hub(name: str, revision: str | None) -> BaseModelFiles:
    tried = f"There is no folder {name!r}"
    if not _HUB_ID.fullmatch(name):
        raise InvalidInput(f"{tried}.", "Name the folder of a base model, or its hub id.")
    hub, constants = require("huggingface_hub"), require("huggingface_hub.constants")
    failures = (OSError, ValueError, require("huggingface_hub.errors").RevisionResolutionError)
    offline = bool(constants.HF_HUB_OFFLINE)
    options = {"revision": revision, "allow_patterns": _HUB_FILES}
    try:
        try:  # the cache first: what is there needs no network
            path = hub.snapshot_download(name, local_files_only=True, **options)
        except failures:
            if offline:
                raise
            path = hub.snapshot_download(name, **options)
    except failures as cause:
        if offline:
            raise InvalidInput(
                f"{tried}, and the cache {constants.HF_HUB_CACHE} holds no such model; the "
                "hub was not asked, because HF_HUB_OFFLINE is set.",
                "Name the folder of a base model, or fetch it where there is a network.",
            ) from cause
        reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        raise InvalidInput(
            f"{tried}, and the hub does not give a model of that name: {reason}",
            "Name the folder of a base model, or check its hub id.",
        ) from cause
    return BaseModelFiles(Path(path), name, Path(path).name)


def _check_configuration(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise InvalidInput(
            f"{folder} holds no config.json, so it is no base model.",
            "Name the folder that save_pretrained or the hub wrote.",
        )
    for name in ("config.json", "tokenizer_config.json"):
        document = _read_object(folder / name)
        _check_encoder(folder, document)
        if "auto_map" in document:
            raise UnsafeModel(
                f"{folder / name} asks to run Python code that comes with the model (auto_map), "
                "so nothing of it was loaded.",
                "Use a base model that transformers knows without remote code.",
            )
        for key, value in document.items():
            # "org/repo" here makes transformers fetch compiled code from a hub
            if key.endswith("_implementation") and isinstance(value, str) and "/" in value:
                raise UnsafeModel(
                    f"{folder / name} asks for compiled code from a hub ({key}: {value[:80]!r}).",
                    f"Remove {key} from the file, or use another base model.",
                )


def _check_encoder(folder: Path, document: dict[str, Any]) -> None:
    """A text's embedding needs a model that reads the whole text: an encoder alone."""
    heads = list(map(str, document.get("architectures") or ()))
    what = None
    if document.get("is_encoder_decoder"):
        what = "an encoder with a decoder"
    elif any(head.endswith(_DECODERS) for head in heads) or document.get("is_decoder"):
        what = "a decoder, which reads from left to right only"
    if what is not None:
        raise InvalidInput(
            f"{folder} holds {what} ({document.get('model_type', heads[:1])}).",
            "Use an encoder, such as BERT, RoBERTa, DeBERTa, XLM-R, MPNet or MiniLM.",
        )


def _check_weights(folder: Path) -> None:
    if any(folder.glob("*.safetensors")):
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise UnsafeFile(
            f"{folder} holds its weights as {pickles[0]!r} only, a format that may run code.",
            "Save the model again with save_pretrained, which writes safetensors.",
        )
    raise InvalidInput(
        f"{folder} holds no weights (*.safetensors).", "Download or save the model again."
    )


def _read_object(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return parse_object(path.read_bytes())
    except ValueError as cause:
        raise InvalidInput(f"{path} cannot be read: {cause}.", "Download it again.") from cause


def _digest(files: list[Path]) -> str | None:
    if len(files) < 2:
        return digest_file(files[0]) if files else None
    return digest_bytes("".join(f"{file.name} {digest_file(file)}\n" for file in files).encode())


@contextmanager
def quiet(transformers: Any) -> Generator[None]:
    """Keep the libraries' own bars and load reports off stderr; what matters we raise."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
