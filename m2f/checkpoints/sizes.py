"""Refusing small files that would take much memory, by what they tell of themselves and before they are read."""

import pickletools
from typing import IO
from zipfile import ZIP_STORED, ZipFile

STORES = ("PUT", "BINPUT", "LONG_BINPUT")


def require_stored(archive: ZipFile, size: int) -> None:
    """Look at the directory of a file that torch wrote: every record lies in it as it is, and none lies in another.

    Args:
        archive: the open file.
        size: how many bytes it has.

    Raises:
        ValueError: a record is packed, the records together are larger than the file, or it does not begin with one, so
            that torch would look for them elsewhere.
    """
    records = archive.infolist()
    for record in records:
        if record.compress_type != ZIP_STORED or record.file_size != record.compress_size:
            raise ValueError(
                f"{record.filename} is packed, {record.file_size} bytes in {record.compress_size}, as torch never does"
            )
    if sum(each.file_size for each in records) > size:
        raise ValueError(f"its records say that they are larger than its {size} bytes")
    if min((record.header_offset for record in records), default=0):
        raise ValueError("it does not begin with a record, as torch's files do")


def require_bounded(file: IO[bytes]) -> None:
    """Look through a pickle's steps, running none: no length is beyond the file, no place in the memo beyond the steps.

    Python would make room first: for as many bytes as a length says, for as many entries as a place in the memo says.

    Args:
        file: at the beginning of the pickle; it is left at its end.

    Raises:
        ValueError: the pickle is cut off, or asks for more room than it can fill.
    """
    for steps, (operation, argument, _) in enumerate(pickletools.genops(file), 1):
        if operation.name in STORES and (argument or 0) > steps:
            raise ValueError(f"entry {argument} of a memo after {steps} steps")
