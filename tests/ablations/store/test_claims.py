import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablations.store import claims
from ablations.store.claims import HELD, Owner, RunHeldError, claim, holder, is_held, latest_claim, this_process

ELSEWHERE = Owner("far", "another boot", 1, "17")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")


def put_claim(directory, owner, number=1, age=0.0):
    """A claim of ``owner``, touched ``age`` seconds ago."""
    path = directory / f"claim.{number}"
    path.write_text(json.dumps(asdict(owner)))
    os.utime(path, times=(time.time() - age,) * 2)
    return path


def names(directory):
    """The claims in a directory."""
    return sorted(path.name for path in directory.glob("claim*"))


def test_held_and_let_go(tmp_path):
    assert not is_held(tmp_path)
    with claim(tmp_path) as holding:
        assert holder(tmp_path) == this_process()
        assert (holder(tmp_path).pid, holding.is_ours()) == (os.getpid(), True)
    assert not is_held(tmp_path)
    assert not is_held(tmp_path / "nowhere")


def test_each_claim_has_the_next_number_and_tidies_up(tmp_path):
    for number in (1, 2, 3):
        with claim(tmp_path):
            assert latest_claim(tmp_path).number == number
        assert names(tmp_path) == [f"claim.{number}"]


def test_an_error_lets_go(tmp_path):
    with pytest.raises(ZeroDivisionError), claim(tmp_path):
        raise ZeroDivisionError
    assert not is_held(tmp_path)


HOLD = """
import time
from pathlib import Path
from ablations.store import claims

claims.BEAT_SECONDS = 0.05
with claims.claim(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@LINUX
def test_the_dead_are_seen_at_once(tmp_path, start_python):
    process = start_python(HOLD, tmp_path)
    process.stdout.readline()
    with pytest.raises(RunHeldError), claim(tmp_path, patience=0.05):
        pass
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended and nobody has asked how
    assert not is_held(tmp_path)
    process.wait()
    with claim(tmp_path, patience=0):
        assert names(tmp_path) == ["claim.2"]


@LINUX
def test_a_number_that_another_process_has_got_is_not_the_owner(tmp_path):
    put_claim(tmp_path, replace(this_process(), begun="1"))
    assert not is_held(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_claim_without_content_is_free(tmp_path, content):
    (tmp_path / "claim.1").write_text(content)
    with claim(tmp_path, patience=0):
        assert holder(tmp_path) == this_process()


def test_an_owner_elsewhere_lives_while_it_touches_its_claim(tmp_path):
    put_claim(tmp_path, ELSEWHERE, age=claims.DEAD_SECONDS - 10)
    assert holder(tmp_path) == ELSEWHERE
    put_claim(tmp_path, ELSEWHERE, age=claims.DEAD_SECONDS + 10)
    assert holder(tmp_path) is None


def test_a_wrong_clock_here_kills_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_clocks", {})
    put_claim(tmp_path, ELSEWHERE)
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + 3600)
    assert is_held(tmp_path)


def test_where_nothing_can_be_written_our_own_clock_counts(tmp_path, monkeypatch):
    def refuse(dir):
        raise PermissionError

    monkeypatch.setattr(claims, "_clocks", {})
    monkeypatch.setattr(claims.tempfile, "TemporaryFile", refuse)
    put_claim(tmp_path, ELSEWHERE, age=10)
    assert is_held(tmp_path)
    put_claim(tmp_path, ELSEWHERE, age=1000)
    assert not is_held(tmp_path)


def test_who_looks_dead_elsewhere_is_watched_before_its_run_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.1)
    path = put_claim(tmp_path, ELSEWHERE, age=1000)
    threading.Timer(0.05, os.utime, [path]).start()
    with pytest.raises(RunHeldError), claim(tmp_path, patience=0):
        pass
    put_claim(tmp_path, ELSEWHERE, age=1000)
    with claim(tmp_path, patience=0):
        assert names(tmp_path) == ["claim.2"]


def test_a_claim_is_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    with claim(tmp_path):
        os.utime(tmp_path / "claim.1", times=(0, 0))
        for _ in range(500):
            time.sleep(0.01)
            if latest_claim(tmp_path).touched > 0:
                break
        assert latest_claim(tmp_path).touched > time.time() - 60


def test_who_was_taken_over_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "BEAT_SECONDS", 0.01)
    told = threading.Event()
    with claim(tmp_path, when_lost=told.set) as holding:
        put_claim(tmp_path, ELSEWHERE, number=2)
        assert told.wait(10)
        with pytest.raises(RunHeldError, match="was taken over"):
            holding.require()
    assert holder(tmp_path) == ELSEWHERE


def test_who_was_taken_over_ends(tmp_path, start_python):
    process = start_python(HOLD, tmp_path)
    process.stdout.readline()
    put_claim(tmp_path, ELSEWHERE, number=2)
    assert process.wait(20) == HELD
    assert "taken this run over" in process.stdout.read()


def test_a_number_that_was_tidied_away_is_not_taken_again(tmp_path):
    put_claim(tmp_path, ELSEWHERE, number=3)
    assert not claims._take_number(tmp_path, 2)
    assert names(tmp_path) == ["claim.3"]


def test_a_link_whose_answer_was_lost_counts(tmp_path, monkeypatch):
    link = os.link

    def link_and_lose_the_answer(source, target):
        link(source, target)
        raise FileExistsError

    monkeypatch.setattr(os, "link", link_and_lose_the_answer)
    assert claims._take_number(tmp_path, 1)
    assert holder(tmp_path) == this_process()


MEMBERS = st.integers(0, 3)
STEPS = st.lists(st.tuples(st.sampled_from(["look", "take", "let go", "die"]), MEMBERS), max_size=40)


@settings(deadline=None)
@given(STEPS)
def test_at_most_one_holds_however_slow_the_others(steps):
    """Between a look and the attempt that follows from it, anything may happen."""
    alive, holding, seen = set(range(4)), {}, {}
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        directory = Path(name)
        patch.setattr(claims, "_is_alive", lambda found: found.owner is not None and found.owner.pid in alive)
        for step, member in steps:
            if member not in alive:
                continue
            if step == "look":
                found = latest_claim(directory)
                seen[member] = None if found and claims._is_alive(found) else (found.number if found else 0) + 1
            elif step == "take" and seen.get(member) and member not in holding:
                patch.setattr(claims, "this_process", lambda: Owner("here", "here", member, ""))  # noqa: B023
                if claims._take_number(directory, seen.pop(member)):
                    holding[member] = latest_claim(directory).number
            elif step == "let go" and member in holding:
                os.truncate(directory / f"claim.{holding.pop(member)}", 0)
            elif step == "die":
                alive.remove(member)
                holding.pop(member, None)
            assert len(holding) <= 1
            found = latest_claim(directory)
            assert [found.owner.pid] * len(holding) == list(holding) if holding else not (found and is_held(directory))


CONTEND = """
import random, time
from pathlib import Path
from ablations.store.claims import RunHeldError, claim

directory, inside = Path(sys.argv[1]), Path(sys.argv[1]) / "inside"
turns = int(sys.argv[2])
while turns:
    try:
        with claim(directory, patience=0.02):
            before = inside.read_text() if inside.exists() else ""
            inside.write_text(sys.argv[3])
            time.sleep(random.random() * 0.01)
            assert inside.read_text() == sys.argv[3], "another one is inside"
            inside.write_text("")
            # Left behind by one that was killed, if at all.
            print(f"{sys.argv[3]} {before}".strip(), flush=True)
            turns -= 1
    except RunHeldError:
        pass
"""


def test_processes_that_contend_and_are_killed_are_never_two_inside(tmp_path, start_python):
    killed = [start_python(CONTEND, tmp_path, 1_000_000, name) for name in "ab"]
    staying = [start_python(CONTEND, tmp_path, 30, name) for name in "cd"]
    # Turns are counted, not seconds: on a busy machine a process may wait long for its first one.
    turns = [process.stdout.readline() for process in [*killed, *staying]]
    for process in killed:
        time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    for process in staying:
        turns += process.stdout.readlines()
        assert process.wait() == 0, process.stderr.read()
    names_and_left = [turn.split() for turn in turns]
    assert [sum(name == own for name, *_ in names_and_left) for own in "cd"] == [30, 30]
    assert all(left in "ab" for _, *rest in names_and_left for left in rest), "only the killed leave anything behind"


def test_without_a_proc_the_number_alone_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_begun", lambda pid: None)
    with claim(tmp_path):
        assert is_held(tmp_path)
    process = subprocess.Popen(["true"])
    process.wait()
    put_claim(tmp_path, replace(this_process(), pid=process.pid))
    assert not is_held(tmp_path)


def test_a_process_that_the_system_hides_lives_by_its_touch(tmp_path, monkeypatch):
    def refuse(pid, number):
        raise PermissionError

    monkeypatch.setattr(claims, "_begun", lambda pid: None)
    monkeypatch.setattr(os, "kill", refuse)
    put_claim(tmp_path, this_process())
    assert is_held(tmp_path)
    put_claim(tmp_path, this_process(), age=1000)
    assert not is_held(tmp_path)


def test_others_may_see_who_has_a_run(tmp_path):
    with claim(tmp_path):
        assert latest_claim(tmp_path).path.stat().st_mode & 0o777 == 0o644


def test_a_claim_that_may_not_be_read_counts_while_it_is_fresh(tmp_path, monkeypatch):
    """Of an earlier version, in a store of another user's."""
    path = tmp_path / "claim.1"
    path.write_text("{}")

    def refused(name, *arguments):
        raise PermissionError(13, "Permission denied", str(name))

    monkeypatch.setattr(claims.os, "open", refused)
    assert is_held(tmp_path)
    os.utime(path, times=(time.time() - claims.DEAD_SECONDS - 1,) * 2)
    assert not is_held(tmp_path)


def test_a_planted_link_costs_nobody_a_file(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("whole")
    (tmp_path / "claim.1").symlink_to(victim)
    with claim(tmp_path) as holding:
        assert holding.number == 2
        holding.path.unlink()
        holding.path.symlink_to(victim)
    assert victim.read_text() == "whole"
