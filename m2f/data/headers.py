"""What image files say of themselves before they are decoded, and whether they are whole.

Decoders differ in what they let pass: OpenCV fills in what is cut off and divides 16 bits by 256 without a word, and
both it and Pillow take the memory that a header asks for. So the header is read first.
"""

import io
import re
import struct
import warnings
from dataclasses import dataclass

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
END_OF_JPEG = b"\xff\xd9"
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # of JPEG's markers, those that begin a frame
BARE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
DEEP_MODES = ("I", "F")  # Pillow's names of more than 8 bits begin so
GREY, PALETTE = 0, 3  # of PNG's types of colour
ORIENTATION = 0x0112  # of EXIF
MARKS_OF_EXIF = (b"eXIf", b"Raw profile type ", b"XML:com.adobe.xmp")  # without one of which a PNG has none
UPRIGHT = 1
OTHERS = ("BMP", "GIF", "JPEG2000", "PPM", "TIFF", "WEBP")  # that OpenCV reads, too
BITS_PER_SAMPLE, COMPRESSION = 258, 259  # of TIFF's tags
JPEG_IN_TIFF = (6, 7)
LOSSY_WEBP = b"WEBPVP8 "
CODESTREAM, CODING_STYLE = b"\xff\x4f\xff\x51", b"\xff\x52"  # of JPEG 2000's markers
WAVELET, IRREVERSIBLE = 13, b"\0"  # its place behind the marker of the coding style, and the kind that rounds
BETWEEN = rb"(?:\s+|#[^\n]*\n)+"  # numbers of a portable pixmap's header
PORTABLE = re.compile(rb"P[2356]" + 2 * (BETWEEN + rb"\d+") + BETWEEN + rb"(\d+)")  # with its largest value
MOST_ZEROS = 16  # at the end of a JPEG; more are what a broken download leaves


class ImageError(ValueError):
    """What is wrong with an image file, as the end of a sentence that begins with its name, and the mend."""


@dataclass(frozen=True)
class Header:
    """What a file says of its pixels.

    Attributes:
        height: in pixels.
        width: in pixels.
        bits: of a channel.
        labels: whether pixels are single numbers: grey of 8 bits, or places in a palette.
        lossy: what the file is, such as "a JPEG", where its format keeps pixels as they look, not their values.
    """

    height: int
    width: int
    bits: int
    labels: bool
    lossy: str = ""


def read_header(content: bytes) -> Header:
    """The header of an image file.

    Args:
        content: the file's bytes, all of them.

    Raises:
        ImageError: it is no image, or is cut off.
    """
    if content.startswith(PNG):
        return png_header(content)
    if content.startswith(JPEG):
        return jpeg_header(content)
    return other_header(content)


def png_header(content: bytes) -> Header:
    """See :func:`read_header`; the chunks are walked to the last."""
    place = len(PNG)
    kind = b""
    while kind != b"IEND":
        if place + 12 > len(content):
            raise ImageError("is not a whole image: it is cut off")
        length, kind = struct.unpack_from(">I4s", content, place)
        place += length + 12  # with its length, kind and checksum
    if place > len(content) or content[12:16] != b"IHDR":
        raise ImageError("is not a whole image: it is cut off")
    width, height, bits, colour = struct.unpack_from(">IIBB", content, 16)
    return Header(height, width, bits, colour == PALETTE or (colour == GREY and bits == 8))


def jpeg_header(content: bytes) -> Header:
    """See :func:`read_header`; where no mark of the end is at the end, Pillow looks whether all rows are there."""
    place = 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:
            break
        marker = content[place + 1]
        if marker in FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", content, place + 4)
            if not content.endswith(END_OF_JPEG):
                require_rows(content)
            return Header(height, width, bits, channels == 1, lossy="a JPEG")
        place += 1 if marker == 0xFF else 2 if marker in BARE else 2 + int.from_bytes(content[place + 2 : place + 4])
    raise ImageError("is not a whole image: it is cut off" if place >= len(content) - 9 else "is not a readable image")


def require_rows(content: bytes) -> None:
    """Check that a JPEG has all its rows.

    Raises:
        ImageError: it has not.
    """
    if len(content) - len(content.rstrip(b"\0")) > MOST_ZEROS:
        raise ImageError("is not a whole image: its end is empty")
    decode_with_pillow(content)


def other_header(content: bytes) -> Header:
    """See :func:`read_header`."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=OTHERS) as image:
            width, height = image.size
            bits = 16 if image.mode.startswith(DEEP_MODES) else stored_bits(content, image)
            header = Header(height, width, bits, image.mode in ("L", "P"), lossy_kind(content, image))
            turned = image.format == "TIFF" and image.getexif().get(ORIENTATION, UPRIGHT) != UPRIGHT
    except Image.DecompressionBombError as error:
        raise ImageError("says that it is larger than an image can be") from error
    except Exception as error:  # Pillow raises many kinds
        raise ImageError("is not a readable image") from error
    if turned:
        raise ImageError("is a TIFF to be turned, which OpenCV does not read as it is stored; save it upright")
    return header


def stored_bits(content: bytes, image: Image.Image) -> int:
    """Bits of a channel as the file has them, where Pillow's mode does not tell; 8 where the format has no others."""
    if isinstance(image, TiffImageFile):
        return max(image.tag_v2.get(BITS_PER_SAMPLE, (8,)))
    if match := PORTABLE.match(content):
        return 8 if int(match[1]) == 255 else 16  # OpenCV would take the low byte of each value
    return 8


def lossy_kind(content: bytes, image: Image.Image) -> str:
    """See :class:`Header`; empty of a file that keeps values."""
    if content[8:].startswith(LOSSY_WEBP):
        return "a lossy WebP"
    if isinstance(image, TiffImageFile) and image.tag_v2.get(COMPRESSION) in JPEG_IN_TIFF:
        return "a TIFF with JPEG's compression"
    style = content.find(CODING_STYLE, max(content.find(CODESTREAM), 0))
    if image.format == "JPEG2000" and content[style + WAVELET :].startswith(IRREVERSIBLE):
        return "a lossy JPEG 2000"
    return ""


def decode_with_pillow(content: bytes) -> None:
    """Decode an image, which Pillow does not where rows are missing.

    Raises:
        ImageError: it does not.
    """
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(content), formats=("JPEG", *OTHERS)) as image:
            warnings.simplefilter("ignore")
            image.load()
    except Exception as error:  # Pillow raises many kinds
        raise ImageError(f"is not a whole image: {error}") from error


def orientation(content: bytes) -> int:
    """How EXIF says the pixels are to be turned, 1 for not at all; 1 too where it says nothing."""
    if content.startswith(PNG) and not any(mark in content for mark in MARKS_OF_EXIF):
        return UPRIGHT  # Pillow would decode all of it to tell
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", *OTHERS)) as image:
            return int(image.getexif().get(ORIENTATION, UPRIGHT))
    except Exception:  # what EXIF holds is of no use otherwise
        return UPRIGHT
