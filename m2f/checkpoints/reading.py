"""Reading a checkpoint file or directory of any format into our names, running nothing that it brings."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from m2f.checkpoints.plain_pickle import NUMPY, Array, read_plain_pickle
from m2f.checkpoints.translation import to_ours
from m2f.errors import InputError
from m2f.files import load_json

OURS = "m2f"
# How one of a format's tensor names begins.
SIGNS = {
    "transformer_decoder.": OURS,
    "sem_seg_head.": "detectron2",
    "panoptic_head.": "mmdet",
    "decode_head.": "mmdet",
    "model.pixel_level_module.": "transformers",
}
SOURCES = tuple(dict.fromkeys(SIGNS.values()))


def read_checkpoint(path: Path, source: str = "auto") -> tuple[dict[str, Tensor], str]:
    """A checkpoint's tensors in our names, on the CPU, and the format that they came in.

    A directory is read as transformers writes it, ``.pkl`` as a pickle of arrays, ``.pth`` and ``.pt`` as torch's.
    What else the file holds, such as an optimizer's state, is left.

    Args:
        path: file or directory.
        source: ``m2f``, ``detectron2``, ``mmdet``, ``transformers``, or ``auto`` for what the names tell.

    Raises:
        InputError: it is missing, damaged, of no known format, or more than tensors and plain values.
    """
    if path.is_dir():
        state = read_directory(path)
    elif not path.is_file():
        raise InputError(f"{path} does not exist; name a checkpoint file, or a directory that transformers wrote.")
    elif path.suffix == ".pkl":
        state = tensors_in(plain_state(read_plain_pickle(path)), path)
    elif path.suffix in (".pth", ".pt"):
        state = tensors_in(read_torch(path), path)
    else:
        raise InputError(f"{path} must be a .pkl, .pth or .pt file, or a directory with model.safetensors.")
    found = recognised(state, path) if source == "auto" else source
    return (state if found == OURS else to_ours(state, found)), found


def recognised(state: Mapping[str, Tensor], path: Path) -> str:
    """The format whose names these are."""
    for name in state:
        for sign, source in SIGNS.items():
            if name.startswith(sign):
                return source
    raise InputError(f"{path} holds no Mask2Former of {', '.join(SOURCES)}: no tensor has such a name.")


def read_directory(path: Path) -> dict[str, Tensor]:
    """The tensors of ``model.safetensors``, or of all the files that its index names."""
    if read_json(path / "config.json").get("model_type") != "mask2former":
        raise InputError(f"{path / 'config.json'} must say the model_type mask2former.")
    index = path / "model.safetensors.index.json"
    files = {"model.safetensors"}
    if index.is_file():
        weight_map = read_json(index).get("weight_map")
        files = set(weight_map.values()) if isinstance(weight_map, dict) else set()
        if not files or not all(isinstance(name, str) and Path(name).name == name for name in files):
            raise InputError(f"{index} must name files beside itself in weight_map; fetch it again.")
    state: dict[str, Tensor] = {}
    for name in sorted(files):
        try:
            state |= load_file(path / name)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{path / name} cannot be read, fetch it again; it says: {error}.") from error
    return state


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    value = load_json(path, mend="fetch it again")
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object; fetch it again.")
    return value


class Ignored:
    """mmengine's history of the log, of which nothing is needed."""

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


# What trainings with mmengine write besides tensors names these; each name means a class that holds or drops it.
# A history names its own methods by getattr.
BESIDE_TENSORS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    *((replacement, name) for name, replacement in NUMPY.items()),
    (Ignored, "mmengine.logging.history_buffer.HistoryBuffer"),
    (Ignored, "builtins.getattr"),
]


def read_torch(path: Path) -> Any:
    """The state of a model in a file of torch's."""
    if is_zipfile(path):  # torch's files of before 1.6 are none, and have no checksums
        try:
            require_whole(path)
        except (ValueError, BadZipFile) as error:
            raise InputError(
                f"{path} is damaged ({error}); get it again, or if a run wrote it, remove the run's directory and "
                "train again."
            ) from error
    try:
        with torch.serialization.safe_globals(BESIDE_TENSORS):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file may raise any
        named = re.search(r"GLOBAL (\S+)", str(error))
        reason = f"it names {named[1]}, which may run anything" if named else str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read as tensors alone, get an official one; {reason}.") from error
    return plain_state(content)


def require_whole(path: Path) -> None:
    """Look at the checksums of a file that torch wrote; torch itself reads a damaged tensor without a word.

    Raises:
        ValueError: one is wrong.
        BadZipFile: the file is cut off.
    """
    with ZipFile(path) as archive:
        if part := archive.testzip():
            raise ValueError(f"the checksum of {part} is wrong")


def plain_state(content: Any) -> Any:
    """The model's part of what a file holds."""
    if isinstance(content, Mapping):
        for key in ("state_dict", "model"):
            if isinstance(content.get(key), Mapping):
                return content[key]
    return content


def tensors_in(state: Any, path: Path) -> dict[str, Tensor]:
    """Tensors by name, arrays turned into tensors."""
    if not isinstance(state, Mapping) or not state:
        raise InputError(f"{path} holds no tensors by name; name the checkpoint of a whole model.")
    return {str(name): as_tensor(value, str(name), path) for name, value in state.items()}


def as_tensor(value: Any, name: str, path: Path) -> Tensor:
    """A tensor on its own memory, in the machine's order of bytes."""
    if isinstance(value, Tensor):
        return value.detach()
    values = getattr(value, "values", None) if isinstance(value, Array) else None
    if values is not None:
        return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), order="C"))
    raise InputError(f"{path} holds {name}, which is no tensor; name the checkpoint of a whole model.")
