"""Programs as processes that are forked from one that has imported OpenMMLab, which else takes each some seconds."""

import multiprocessing
import os
import runpy
import shlex
import subprocess
import sys
from multiprocessing import forkserver, process
from pathlib import Path
from tempfile import TemporaryDirectory

PATIENCE = 600  # seconds
IMPORTED = ["m2f.engine.train", "ablations.running.executors.preload"]


def run_forked(script, *arguments, directory):
    """Run a script; the process that has ended, with what it printed.

    The server is one that has only imported: a fork of this process would wait for ever for threads that libraries
    have started here.

    Args:
        script: a path.
        arguments: words after it.
        directory: where it runs.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    command = [str(script), *map(str, arguments)]
    with TemporaryDirectory() as place:
        printed = [Path(place, name) for name in ("stdout", "stderr")]
        program = context.Process(target=become, args=(command, str(directory), dict(os.environ), *map(str, printed)))
        program.start()
        program.join(PATIENCE)
        if program.is_alive():
            program.kill()
            raise subprocess.TimeoutExpired(command, PATIENCE)
        return subprocess.CompletedProcess(command, program.exitcode, *(path.read_text() for path in printed))


def run_line(line, directory):
    """Run a line of ours as a shell would, such as ``m2f list``; what it printed."""
    program, *words = shlex.split(line)
    words = [path for word in words for path in (sorted(map(str, directory.glob(word))) if "*" in word else [word])]
    done = run_forked(Path(sys.executable).with_name(program), *words, directory=directory)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def become(command, directory, environment, *printed):
    """In the new process: go on as the script would."""
    for descriptor, path in zip((1, 2), printed, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    # Its own processes come from the same server, as the standard library says of ensure_running, and not where that
    # was started.
    forkserver.ensure_running = forkserver._forkserver.ensure_running = lambda: None
    process.ORIGINAL_DIR = directory
    sys.argv = command
    sys.path.insert(0, str(Path(command[0]).parent))
    runpy.run_path(command[0], run_name="__main__")
