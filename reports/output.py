"""Writing a report's files: into an empty directory, or over what m2f wrote there before, and over nothing else."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from m2f.errors import InputError
from m2f.files import real_path, write_json

WRITTEN = ".m2f-files.json"  # what m2f wrote into a directory, with checksums


def require_own(out: Path) -> None:
    """See that files may be written to a directory, before the work.

    Raises:
        InputError: it holds something that m2f did not write, or cannot be written to.
    """
    if out.is_dir() and any(out.iterdir()) and not (out / WRITTEN).is_file():
        raise InputError(f"{out} holds files that m2f did not write; name an empty or a new directory with --out.")
    _make(out)


def write_files(out: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name, and remove those of an earlier call that are not among them.

    Raises:
        InputError: a file is in the way that m2f did not write, or the directory cannot be written to.
    """
    known = _written(out)
    for name in contents:
        path = out / name
        elsewhere = real_path(out) not in real_path(path).parents  # through somebody's link
        if elsewhere or path.is_symlink() or (path.exists() and name not in known):
            raise InputError(f"{path} is there and m2f did not write it; name another directory with --out.")
    try:
        for name, content in contents.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(content)
        for name, checksum in known.items():
            if name not in contents and _is_as_written(out / name, checksum):
                (out / name).unlink()
        write_json(out / WRITTEN, {name: _checksum(content) for name, content in contents.items()})
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); choose another directory with --out.") from error


def _make(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not (out / WRITTEN).exists():
            write_json(out / WRITTEN, {})
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error.strerror}); choose another directory with --out.") from error


def _written(out: Path) -> dict[str, str]:
    """What m2f wrote before, as far as it lies below the directory."""
    try:
        known = msgspec.json.decode((out / WRITTEN).read_bytes(), type=dict[str, str])
    except (OSError, ValueError, RecursionError):
        return {}
    below = [name for name in known if not Path(name).is_absolute() and ".." not in Path(name).parts]
    return {name: known[name] for name in below}


def _is_as_written(path: Path, checksum: str) -> bool:
    """Whether a file is there and nobody has changed it since."""
    return path.is_file() and not path.is_symlink() and _checksum(path.read_bytes()) == checksum


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
