"""Reading image files, with one clear sentence when a file cannot be used, and the code of panoptic PNGs.

Training, evaluation, pictures and ``m2f data verify`` all read pixels here: as they are stored, as COCO's annotations
mean them, whatever EXIF says of turning them; 8 bits a channel; and of the size that annotations state, which is known
before anything is decoded.
"""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from m2f.data.decoded import Size, kept_if_small
from m2f.data.headers import JPEG, PNG, Header, ImageError, decode_with_pillow, read_header
from m2f.data.segment_png import decode_segment_ids
from m2f.errors import InputError

AS_STORED = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
MOST_UNSTATED_PIXELS = 2**27  # of an image of which nothing states the size: more than any camera's
VOID_LABEL = 255
AGAIN = "fetch or generate it again"


def image_id(info: Mapping[str, Any]) -> Any:
    """The id of an image by what its data set knows of it: the annotations' own, or the file's name without suffix."""
    return info["img_id"] if "img_id" in info else Path(info["img_path"]).stem


def names_by_path(dataset: Any) -> dict[str, Any]:
    """By path, what tables and pictures call each image of a built data set; no two are called the same.

    An image's id, or where several share theirs, as files of one name in two directories do, its path below the data
    set's directory of images, without the suffix that mmseg's data sets have in common.

    Raises:
        InputError: the data set has an image twice.
    """
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    paths = Counter(info["img_path"] for info in infos)
    twice = next((path for path, count in paths.items() if count > 1), None)
    if twice is not None:
        raise InputError(f"The data set has the image {twice} twice; list it once.")
    shared = Counter(map(image_id, infos))
    root = Path(dataset.data_prefix.get("img") or dataset.data_prefix.get("img_path") or "")
    ids = {info["img_path"]: image_id(info) for info in infos}
    return {
        path: own if shared[own] == 1 else below(Path(path), root).with_suffix("").as_posix()
        for path, own in ids.items()
    }


def below(path: Path, root: Path) -> Path:
    """A path as it is below a directory, never one that leads out of it."""
    inner = path.relative_to(root) if path.is_relative_to(root) else path
    return Path(*(part for part in inner.parts if part not in ("..", inner.anchor)))


@kept_if_small
def read_image(path: str | Path, size: Size | None = None) -> NDArray[np.uint8]:
    """Read an image as BGR [H, W, 3].

    Args:
        path: the file.
        size: the height and width that it must have.

    Raises:
        InputError: the file is missing, not an image, cut off, of another size, or not of 8 bits.
    """
    content = checked_content(path, size)[0]
    image = cv2.imdecode(np.frombuffer(content, np.uint8), AS_STORED)
    if image is None:
        raise InputError(f"{path} is not a readable image; {AGAIN}.")
    return image  # type: ignore[return-value]


@kept_if_small
def read_segment_ids(path: str | Path, size: Size | None = None) -> NDArray[np.int32]:
    """Read a panoptic PNG as segment ids [H, W]: R + 256 G + 65536 B; 0 is void.

    Args:
        path: the file.
        size: the height and width that it must have.

    Raises:
        InputError: see :func:`read_image`.
    """
    segment_ids = decode_segment_ids(checked_content(path, size)[0])
    if segment_ids is not None:
        return segment_ids
    blue, green, red = (channel.astype(np.int32) for channel in cv2.split(read_image(path, size)))
    return red + (green << 8) + (blue << 16)


def read_labels(path: str | Path, size: Size | None = None) -> NDArray[np.uint8]:
    """Read a semantic map as labels [H, W]: grey values, or places in a palette.

    Args:
        path: the file.
        size: the height and width that it must have.

    Raises:
        InputError: see :func:`read_image`; its format changes labels, as JPEG does; or its pixels are colours.
    """
    content, header = checked_content(path, size)
    if header.lossy:
        raise InputError(f"{path} is {header.lossy}, which changes labels; save the map as PNG, from the source.")
    if not header.labels:
        raise InputError(f"{path} has no labels: its pixels are neither grey of 8 bits nor of a palette; convert it.")
    try:
        with Image.open(io.BytesIO(content)) as image:  # a palette's colours are left aside, which OpenCV cannot
            return np.array(image)
    except Exception as error:  # Pillow raises many kinds
        raise InputError(f"{path} is not a whole image: {error}; {AGAIN}.") from error


def read_instance_ids(path: str | Path, size: Size | None = None) -> NDArray[np.uint16]:
    """Read a grey PNG of 16 bits, such as Cityscapes' ``instanceIds``, as numbers [H, W].

    Args:
        path: the file.
        size: the height and width that it must have.

    Raises:
        InputError: see :func:`read_image`; or its pixels are no grey of 16 bits.
    """
    content, header = checked_content(path, size, most_bits=16)
    numbers = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if numbers is None or numbers.ndim != 2 or header.bits != 16:
        raise InputError(f"{path} has no ids: its pixels are no grey of 16 bits; {AGAIN}.")
    return numbers  # type: ignore[return-value]


def from_zero(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Labels that count classes from 1 as labels from 0; 0 is void there, and 255 is as everywhere."""
    return np.where((labels == 0) | (labels == VOID_LABEL), VOID_LABEL, labels - 1).astype(np.uint8)


def check_labels(path: str | Path, labels: NDArray[np.uint8], classes: int, first: int = 0) -> None:
    """Check that labels are of classes, or void.

    Args:
        path: of the map, for the error.
        labels: from 0, 255 for void.
        classes: how many there are.
        first: label of the first class in the file; where it is 1, void is 0 there.

    Raises:
        InputError: one is not.
    """
    strange = labels[(labels >= classes) & (labels != VOID_LABEL)]
    if strange.size:
        void = f"0 or {VOID_LABEL}" if first else VOID_LABEL
        raise InputError(
            f"{path} has label {int(strange[0]) + first}, but there are {classes} classes"
            f"{' from 1' if first else ''}; void is {void}; convert the maps, or set the number of classes to fit."
        )


def checked_content(path: str | Path, size: Size | None, most_bits: int = 8) -> tuple[bytes, Header]:
    """An image file's bytes, of which the header has been looked at, and that."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; {AGAIN}.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {AGAIN}.") from error
    try:
        header = read_header(content)
        check_size(header, size)
        if header.bits > most_bits:
            raise ImageError(f"has {header.bits} bits a channel; convert it to 8, which is all that is read")
        if not content.startswith((PNG, JPEG)):
            decode_with_pillow(content)  # rare enough
    except ImageError as error:
        sentence = str(error)
        raise InputError(f"{path} {sentence}{'' if ';' in sentence else f'; {AGAIN}'}.") from error
    return content, header


def check_size(header: Header, size: Size | None) -> None:
    """Check that a file has the size that is stated, or else one that can be.

    Raises:
        ImageError: it has not.
    """
    found = (header.height, header.width)
    if size is not None and found != tuple(size):
        raise ImageError(
            f"is {found} pixels high and wide, its annotations say {tuple(size)}; annotate the file as it is stored, "
            "or write its size"
        )
    if size is None and not 0 < header.height * header.width <= MOST_UNSTATED_PIXELS:
        raise ImageError(f"says that it is {found} pixels high and wide, which no image is")


def segment_colours(segment_ids: NDArray[np.int32]) -> NDArray[np.uint8]:
    """RGB [H, W, 3] of a panoptic PNG with these segment ids [H, W]."""
    return np.stack([segment_ids >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)


def encode_png(pixels: NDArray[np.uint8], compression: int) -> bytes:
    """Encode RGB [H, W, 3] or grey [H, W] as PNG; ``compression`` from 0 (none) to 9."""
    ordered = pixels[:, :, ::-1] if pixels.ndim == 3 else pixels
    encoded = cv2.imencode(".png", np.ascontiguousarray(ordered), [cv2.IMWRITE_PNG_COMPRESSION, compression])[1]
    return encoded.tobytes()
