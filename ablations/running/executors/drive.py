"""Carrying out runs with any executor, each once, whoever else works in the same store."""

import random
from collections import Counter, deque
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from pathlib import Path

from ablations.running.executors import Executor
from ablations.store.claims import RunHeldError, claim
from ablations.store.record_writing import write_failed
from ablations.store.run_record import RunRecord, State

POLL_SECONDS = 0.25
OVER = ("done", "failed")
RETRIES = 3  # of a run whose node was lost


def drive(
    executor: Executor,
    before: Mapping[Path, State],
    work: str,
    watch: Callable[[Collection[Path]], None],
    create: Callable[[Path], None] = lambda directory: None,
) -> None:
    """Carry out runs; returns when each is done or failed.

    A run that another live worker holds is waited for. When this is interrupted, its own runs are stopped, to be
    continued later.

    Args:
        executor: carries them out.
        before: their directories in the order in which they start, and how each stood at the beginning of the sweep: a
            failure that is older is tried again, one of another orchestrator's that is newer is not.
        work: what a worker does, as ``ablations.running.worker.execute`` takes it.
        watch: called several times a second with the runs that are under way or have just ended.
        create: called with a run's directory before it is started.

    Raises:
        InputError: the executor refuses.
        OSError: the store cannot be written any more.
    """
    waiting = deque(before)
    running: dict[Hashable, Path] = {}
    dead: dict[Path, str] = {}
    lost: Counter[Path] = Counter()
    try:
        while waiting or running or dead:
            while len(running) < executor.slots and (directory := _take_next(waiting, before, watch)):
                create(directory)
                job = executor.start(directory, work)
                if job is None:
                    waiting.appendleft(directory)
                    break
                running[job] = directory
            endings = executor.ended(list(running), POLL_SECONDS)
            watch([*running.values(), *dead])
            for job, ending in endings.items():
                directory = running.pop(job)
                lost[directory] += ending.again
                if ending.held:
                    # Another orchestrator goes through the same runs in the same order: get out of its step.
                    random.shuffle(waiting)
                if ending.held or (ending.again and lost[directory] <= RETRIES):
                    waiting.append(directory)
                else:
                    dead[directory] = ending.reason
            for directory in [directory for directory, reason in dead.items() if _settle(directory, reason, before)]:
                del dead[directory]
    except BaseException:
        executor.stop(list(running))
        raise


def _take_next(
    waiting: deque[Path], before: Mapping[Path, State], watch: Callable[[Collection[Path]], None]
) -> Path | None:
    """The next run to start; what another worker holds stays waiting, what it has ended is dropped."""
    for _ in range(len(waiting)):
        directory = waiting.popleft()
        state = RunRecord(directory).state
        if state.name == "running":
            waiting.append(directory)
        elif state.name != "done" and (state.name != "failed" or state == before[directory]):
            return directory
        watch([directory])
    return None


def _settle(directory: Path, reason: str, before: Mapping[Path, State]) -> bool:
    """Mark a run as failed whose worker died without doing so; False while its claim still looks alive."""

    def is_over() -> bool:
        state = RunRecord(directory).state
        return state.name in OVER and state != before[directory]

    if is_over():
        return True
    with suppress(RunHeldError), claim(directory, patience=0, watched=True):
        if not is_over():
            write_failed(directory, reason, "killed")
        return True
    return False
