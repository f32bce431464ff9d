"""Reading a checkpoint file or directory of any format into our names, running nothing that it brings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from m2f.checkpoints.plain_pickle import Array, read_plain_pickle
from m2f.checkpoints.torch_file import read_torch
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
    elif path.suffix in (".pkl", ".pth", ".pt"):
        state = read_tensors(path)
    else:
        raise InputError(f"{path} must be a .pkl, .pth or .pt file, or a directory with model.safetensors.")
    found = recognised(state, path) if source == "auto" else source
    return (state if found == OURS else to_ours(state, found)), found


def read_tensors(path: Path) -> dict[str, Tensor]:
    """A file's tensors by their own names, on the CPU: ``.pkl`` is a pickle of arrays, all else torch's.

    Raises:
        InputError: it is missing, damaged, or more than tensors and plain values.
    """
    read = read_plain_pickle if path.suffix == ".pkl" else read_torch
    return tensors_in(plain_state(read(path)), path)


def recognised(state: Mapping[str, Tensor], path: Path) -> str:
    """The format whose names these are."""
    for name in state:
        for sign, source in SIGNS.items():
            if name.startswith(sign):
                return source
    raise InputError(f"{path} holds no Mask2Former or MaskFormer of {', '.join(SOURCES)}: no tensor has such a name.")


def read_directory(path: Path) -> dict[str, Tensor]:
    """The tensors of ``model.safetensors``, or of all the files that its index names."""
    if read_json(path / "config.json").get("model_type") not in ("mask2former", "maskformer"):
        raise InputError(f"{path / 'config.json'} must say the model_type mask2former or maskformer.")
    index = path / "model.safetensors.index.json"
    files = {"model.safetensors"}
    if index.is_file():
        weight_map = read_json(index).get("weight_map")
        named = list(weight_map.values()) if isinstance(weight_map, dict) else []
        if not named or not all(map(is_beside, named)):
            raise InputError(f"{index} must name files beside itself in weight_map; fetch it again.")
        files = set(named)
    state: dict[str, Tensor] = {}
    for name in sorted(files):
        try:
            state |= load_file(path / name)
        except (OSError, SafetensorError, RuntimeError, ValueError, MemoryError) as error:
            raise InputError(f"{path / name} cannot be read, fetch it again; it says: {error}.") from error
    return state


def is_beside(name: Any) -> bool:
    """Whether an index names a file in its own directory."""
    return isinstance(name, str) and Path(name).name == name and Path(name).suffix == ".safetensors"


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object."""
    value = load_json(path, mend="fetch it again")
    if not isinstance(value, dict):
        raise InputError(f"{path} must hold a JSON object; fetch it again.")
    return value


def plain_state(content: Any) -> Any:
    """The model's part of what a file holds."""
    if isinstance(content, Mapping):
        for key in ("state_dict", "model"):
            if isinstance(content.get(key), Mapping):
                return content[key]
    return content


def tensors_in(state: Any, path: Path) -> dict[str, Tensor]:
    """Tensors by name, arrays turned into tensors."""
    if not isinstance(state, Mapping) or not state or not all(isinstance(name, str) for name in state):
        raise InputError(f"{path} holds no tensors by name; name the checkpoint of a whole model.")
    size = path.stat().st_size
    arrays = {id(value): value for value in state.values() if isinstance(value, Array)}
    copies = {key: in_torch(array, path) for key, array in arrays.items()}  # one each, however many names it has
    return {name: as_tensor(copies.get(id(value), value), name, size, path) for name, value in state.items()}


def as_tensor(value: Any, name: str, size: int, path: Path) -> Tensor:
    """A tensor whose numbers are all in a file of ``size`` bytes."""
    if not isinstance(value, Tensor):
        raise InputError(f"{path} holds {name}, which is no tensor; name the checkpoint of a whole model.")
    if value.is_quantized or value.layout is not torch.strided or value.is_nested:
        raise InputError(f"{path} holds {name} quantized or sparse; save the model with plain tensors of float32.")
    if value.is_meta or value.numel() * value.element_size() > size:
        raise InputError(f"{path} does not hold the numbers of {name}, only its shape; get the whole file.")
    return value.detach()


def in_torch(array: Array, path: Path) -> Any:
    """An array as a tensor on its own memory, in the machine's order of bytes; None if it has no numbers."""
    try:
        values = array.values
        return values if values is None else torch.from_numpy(values.astype(values.dtype.newbyteorder("="), order="C"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{path} holds an array that is damaged, fetch it again; it says: {error}.") from error
