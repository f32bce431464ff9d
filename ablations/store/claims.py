"""Claims: which process does a run, on one host or on several that share a file system.

    <run>/claim.<n>    who made the run's n-th claim; empty once it was let go

A claim is made by giving the next number to a file that is whole already, which of several processes one alone can do.
Nobody but its owner ever changes it, and the highest number counts. To take over claim 3 of a dead owner is therefore
to make claim 4: who has looked too long finds 4 taken, and no living claim can be mistaken for the dead one.

An owner on this host is alive while the system has its process. An owner elsewhere is alive while it touches its claim,
by the clock of the file system, which all hosts share. An owner that finds itself taken over, because it was stopped or
cut off for long, ends at once.
"""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

BEAT_SECONDS = 5.0  # between two touches of a claim
DEAD_SECONDS = 60.0  # without a touch, after which an owner on another host counts as dead
CLOCK_SECONDS = 30.0  # for which a file system's clock is known once it was asked
HELD = 75  # exit code of a process that has not the run; EX_TEMPFAIL of sysexits.h


class RunHeldError(RuntimeError):
    """Another live process holds the run."""


@dataclass(frozen=True)
class Owner:
    """A process.

    Attributes:
        host: its host's name, for people.
        place: where its number means something: the boot of a system and the namespace of processes.
        pid: its number there.
        begun: when it began, in the system's own count, since numbers are used again; empty if that is not told.
    """

    host: str
    place: str
    pid: int
    begun: str


# Of a claim that this user may not read: it counts as alive while it is touched.
UNKNOWN = Owner("a host that is not told", "", 0, "")


@dataclass(frozen=True)
class Claim:
    """A claim as it was found; without an owner it was let go. ``touched`` is by the file system's clock."""

    path: Path
    number: int
    owner: Owner | None
    touched: float


class Holding:
    """A claim of this process's own."""

    def __init__(self, directory: Path, number: int) -> None:
        self.directory = directory
        self.number = number
        self.path = _path(directory, number)

    def is_ours(self) -> bool:
        """Whether nobody has taken the run over."""
        return _numbers(self.directory)[-1:] == [self.number]

    def require(self) -> None:
        """See that the run is still this process's before something of it is written.

        Raises:
            RunHeldError: it is not.
        """
        if not self.is_ours():
            raise RunHeldError(f"{self.directory} was taken over while this process did not answer")


@contextmanager
def claim(
    directory: Path, patience: float = 1.0, watched: bool = False, when_lost: Callable[[], None] | None = None
) -> Iterator[Holding]:
    """Hold a run.

    Args:
        directory: the run's directory.
        patience: seconds to wait for a claim that another process holds; who looks after the dead holds one briefly.
        watched: somebody else knows that the owner before, if it looks dead, is.
        when_lost: called in a thread when another process has taken the run over; by default this process ends.

    Raises:
        RunHeldError: another live process keeps it.
    """
    holding = Holding(directory, _make_claim(directory, patience, watched))
    ended = threading.Event()
    beat = threading.Thread(target=_beat, args=(holding, ended, when_lost or _end), daemon=True)
    beat.start()
    try:
        yield holding
    finally:
        ended.set()
        beat.join()
        with suppress(OSError):
            os.close(os.open(holding.path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW))


def holder(directory: Path) -> Owner | None:
    """The live process that holds the run, if one does."""
    found = latest_claim(directory)
    return found.owner if found and _is_alive(found) else None


def is_held(directory: Path) -> bool:
    """Whether a live process holds the run."""
    return holder(directory) is not None


def latest_claim(directory: Path) -> Claim | None:
    """The claim that counts."""
    while numbers := _numbers(directory):
        path = _path(directory, numbers[-1])
        with suppress(FileNotFoundError):
            return _read_claim(path, numbers[-1])
    return None


def _read_claim(path: Path, number: int) -> Claim:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except PermissionError:
        return Claim(path, number, UNKNOWN, path.lstat().st_mtime)
    except OSError:
        if path.is_symlink():  # nobody's: claims are files
            return Claim(path, number, None, path.lstat().st_mtime)
        raise
    with os.fdopen(descriptor) as file:
        # Of an open file a network file system tells the present time and content, not remembered ones.
        return Claim(path, number, _owner(file.read()), os.fstat(file.fileno()).st_mtime)


def _make_claim(directory: Path, patience: float, watched: bool) -> int:
    """The number of a new claim."""
    deadline = time.monotonic() + patience
    while True:
        found = latest_claim(directory)
        free = found is None or not _is_alive(found)
        if free and (found is None or watched or _is_over(found)):
            number = found.number + 1 if found else 1
            if _take_number(directory, number):
                return number
        if time.monotonic() > deadline:
            raise RunHeldError(f"{directory} is held by another process")
        time.sleep(0.01)


def _take_number(directory: Path, number: int) -> bool:
    """Make the claim of this number; False if another process has."""
    descriptor, name = tempfile.mkstemp(prefix=".claim-", dir=directory)
    temporary, path = Path(name), _path(directory, number)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(this_process()), file)
        temporary.chmod(0o644)  # who shares the store may see who has the run
        with suppress(FileExistsError):
            os.link(temporary, path)
        # A network may lose the answer to a link that was made: the number of names tells.
        made = temporary.stat().st_nlink == 2
    finally:
        temporary.unlink()
    if not made:
        return False
    numbers = _numbers(directory)
    if numbers[-1] != number:
        # So long ago was it free that others have since had it and have tidied the number away.
        path.unlink(missing_ok=True)
        return False
    for old in numbers[:-1]:
        _path(directory, old).unlink(missing_ok=True)
    return True


def _numbers(directory: Path) -> list[int]:
    """The numbers of the run's claims, in their order."""
    with suppress(FileNotFoundError, NotADirectoryError):
        names = [path.name.removeprefix("claim.") for path in directory.glob("claim.*")]
        return sorted(int(name) for name in names if name.isdecimal())
    return []


def _path(directory: Path, number: int) -> Path:
    return directory / f"claim.{number}"


def _owner(content: str) -> Owner | None:
    """The owner that a claim names. An empty claim was let go, or lost its content when its host lost its power."""
    with suppress(ValueError, TypeError):
        return Owner(**json.loads(content))
    return None


def this_process() -> Owner:
    """This process as an owner."""
    pid = os.getpid()
    return Owner(socket.gethostname(), _place(), pid, _begun(pid) or "")


def _place() -> str:
    """This boot of this system and this namespace of processes; the host's name where the system tells neither."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _begun(pid: int) -> str | None:
    """When a process began, in ticks since the boot; None if it is gone, or this system does not tell."""
    try:
        # The process's name, in parentheses, may hold anything, parentheses too.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]


def _is_alive(found: Claim) -> bool:
    if found.owner is None:
        return False
    if found.owner.place == _place() and (runs := _runs_here(found.owner)) is not None:
        return runs
    return _clock(found.path.parent) - found.touched < DEAD_SECONDS


def _runs_here(owner: Owner) -> bool | None:
    """Whether a process of this system still runs; None if the system does not tell this user."""
    begun = _begun(owner.pid)
    if begun is not None:
        return begun == owner.begun
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    # There is no /proc, or there is and the process, which has ended, waits to be reaped.
    return not owner.begun


def _is_over(found: Claim) -> bool:
    """Whether a claim that looks dead is.

    One whose owner is elsewhere is watched: a file system that stood still makes all look dead when it comes back.
    """
    if found.owner is None or (found.owner.place == _place() and _runs_here(found.owner) is False):
        return True
    time.sleep(2 * BEAT_SECONDS)
    return latest_claim(found.path.parent) == found


_clocks: dict[int, tuple[float, float]] = {}  # by device: when it was asked, and what it was ahead of our own


def _clock(directory: Path) -> float:
    """What a file system says the time is, in seconds; our own time where we cannot write."""
    device, now = directory.stat().st_dev, time.monotonic()
    asked, ahead = _clocks.get(device, (-CLOCK_SECONDS, 0.0))
    if now - asked > CLOCK_SECONDS:
        asked, ahead = _clocks[device] = now, _file_time(directory) - now
    return now + ahead


def _file_time(directory: Path) -> float:
    with suppress(OSError), tempfile.TemporaryFile(dir=directory) as file:
        os.utime(file.fileno())
        return os.fstat(file.fileno()).st_mtime
    return time.time()


def _beat(holding: Holding, ended: threading.Event, when_lost: Callable[[], None]) -> None:
    while not ended.wait(BEAT_SECONDS):
        try:
            os.utime(holding.path, follow_symlinks=False)
            ours = holding.is_ours()
        except FileNotFoundError:
            ours = False
        except OSError:
            continue  # the file system does not answer; when it does again, the claim may still be ours
        if not ours:
            when_lost()
            return


def _end() -> None:
    print("Another process has taken this run over; ended.", flush=True)
    os._exit(HELD)
