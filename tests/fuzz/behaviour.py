"""What a command or a function may do with damaged input, and nothing else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from signal import ITIMER_REAL, SIGALRM, setitimer, signal
from typing import Any, TypeVar
from unittest.mock import patch

from click.testing import CliRunner

from ablations.cli import main
from m2f.errors import InputError

MOST_SECONDS = 60.0
MOST_MEMORY = 512 * 1024  # KiB by which a case may raise the process's peak
WORK = {"ablations.running.sweep.carry_out": {}, "ablations.running.rerun._carry_out": None}
"""What would train for minutes, and what it returns here."""

Answer = TypeVar("Answer")


class MisconductError(AssertionError):
    """Something was done that may not be."""


@dataclass(frozen=True)
class Reply:
    """What a command said.

    Attributes:
        code: its exit code.
        out: what it wrote to stdout.
        error: its sentence on stderr, if it ended with 2.
    """

    code: int
    out: str
    error: str


def call(place: Path, *words: str | Path, codes: Sequence[int] = (0, 2)) -> Reply:
    """Run a command in a directory.

    Raises:
        MisconductError: it ended in a traceback, with another code than these, or with 2 and not one sentence.
    """
    with chdir(place), ExitStack() as stack:
        for name, answer in WORK.items():
            stack.enter_context(patch(name, return_value=answer))
        result = CliRunner().invoke(main, list(map(str, words)))
    said = f"m2f {' '.join(map(repr, map(str, words)))}\n"
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise MisconductError(f"{said}ended in a traceback") from result.exception
    if result.exit_code not in codes:
        raise MisconductError(f"{said}ended with {result.exit_code}: {result.output[-2000:]}")
    sentence = ""
    if result.exit_code == 2:
        sentence = only_sentence(said, result.stderr)
    return Reply(result.exit_code, result.stdout, sentence)


def only_sentence(said: str, stderr: str) -> str:
    """The sentence after ``Error: ``, which stands last and on one line."""
    before, marker, sentence = stderr.partition("Error: ")
    whole = marker and sentence.endswith("\n") and not before.rpartition("\n")[2] and len(sentence) > 10
    if not whole or len(sentence.splitlines()) > 1 or not sentence[:-1].isprintable():
        raise MisconductError(f"{said}did not end with one sentence: {stderr[-2000:]!r}")
    return sentence[:-1]


def ask(function: Callable[..., Answer], *arguments: Any) -> Answer | InputError:
    """What a function returns, or the error that it raised for bad input.

    Raises:
        MisconductError: the error is more than a sentence.
    """
    try:
        return function(*arguments)
    except InputError as error:
        if len(str(error).splitlines()) > 1 or len(str(error)) < 10:
            raise MisconductError(f"{function.__name__} did not raise one sentence: {str(error)!r}") from error
        return error


def require(condition: bool, words: str) -> None:
    """Raise ``MisconductError`` with these words unless something holds."""
    if not condition:
        raise MisconductError(words)


@contextmanager
def bounded() -> Iterator[None]:
    """See that what is inside takes no more than its time and memory."""

    def stop(*_: Any) -> None:
        raise MisconductError(f"took more than {MOST_SECONDS:g} seconds")

    before = getrusage(RUSAGE_SELF).ru_maxrss
    handler = signal(SIGALRM, stop)
    setitimer(ITIMER_REAL, MOST_SECONDS)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, handler)
    more = getrusage(RUSAGE_SELF).ru_maxrss - before
    require(more <= MOST_MEMORY, f"took {more // 1024} MiB more memory")


@contextmanager
def untouched(root: Path, but: Path) -> Iterator[None]:
    """See that nothing under a directory changes, appears or goes, except below ``but``."""
    before = contents(root, but)
    yield
    after = contents(root, but)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    require(not changed, f"changed, made or removed {', '.join(changed)}")


def contents(root: Path, but: Path) -> dict[str, str]:
    """What is at each path below a directory."""
    return {
        str(path.relative_to(root)): identity(path)
        for path in root.rglob("*")
        if path != but and but not in path.parents
    }


def identity(path: Path) -> str:
    """What tells that a path is as it was."""
    if path.is_symlink():
        return f"link {path.readlink()}"
    return "directory" if path.is_dir() else sha256(path.read_bytes()).hexdigest()
