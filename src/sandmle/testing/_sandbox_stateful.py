"""What a sandbox must do that keeps variables from run to run, or else refuse; see `check_sandbox`.

A backend that has no stateful sessions passes by refusing to open one with a `UsageError`.
"""

from __future__ import annotations

import functools
import textwrap
import time

from sandmle.core.errors import UsageError
from sandmle.core.execution import Sandbox, SandboxSession
from sandmle.testing._sandbox_case import INPUT, LIMITS, Check, Checks, require

STATEFUL = Checks()


def _or_refused(check: Check) -> Check:
    """Enter a check that only a backend with stateful sessions has to pass; a decorator."""

    @functools.wraps(check)
    def held(sandbox: Sandbox) -> None:
        try:
            sandbox.open(INPUT, LIMITS, stateful=True).close()
        except UsageError as refusal:
            require(sandbox.name in str(refusal), f"the refusal names no sandbox: {refusal}")
        else:
            check(sandbox)

    return STATEFUL.add(held)


@_or_refused
def a_stateful_session_keeps_variables(sandbox: Sandbox) -> None:
    """Imports, functions and values of `__main__` live on, and so do files."""
    with _open(sandbox) as session:
        session.run("import math as m\nkept = [1]\ndef both():\n    return [*kept, m.floor(2.5)]")
        session.run("kept.append(7); open('file', 'w').write('mine')")
        seen = session.run("print(both(), __name__, open('file').read())")
    require(seen.ok and seen.stdout == "[1, 7, 2] __main__ mine\n", seen)


@_or_refused
def an_exception_does_not_end_a_stateful_session(sandbox: Sandbox) -> None:
    """The trace names the line, and what was there before is there after."""
    with _open(sandbox) as session:
        session.run("kept = 1")
        failed = session.run("kept = 2\n\nkept / 0")
        broken = session.run("def broken(:")
        after = session.run("print(kept)")
    require(failed.exit_code == 1 and "ZeroDivisionError" in failed.stderr, failed)
    require("line 3" in failed.stderr, failed)
    require(broken.exit_code == 1 and "SyntaxError" in broken.stderr, broken)
    require(after.ok and after.stdout == "2\n" and not after.stderr, after)


@_or_refused
def a_stateful_run_over_its_time_ends_the_interpreter(sandbox: Sandbox) -> None:
    """The next run starts a fresh one: variables are gone, files are there."""
    with _open(sandbox) as session:
        session.run("kept = 1; open('file', 'w').write('mine')")
        killed = session.run("while True:\n    pass", timeout_seconds=0.7)
        after = session.run("print('kept' in globals(), open('file').read())")
        later = session.run("kept = 2\nprint(kept)")
        again = session.run("print(kept)")
    require(killed.killed_by == "time" and killed.exit_code is None, killed)
    require(after.ok and after.stdout == "False mine\n", after)
    require(later.stdout == again.stdout == "2\n", again)


@_or_refused
def time_is_counted_for_each_run_of_a_stateful_session(sandbox: Sandbox) -> None:
    """Runs that are each within the limit may be over it together."""
    with _open(sandbox) as session:
        runs = [session.run("import time; time.sleep(0.7)", timeout_seconds=1.5) for _ in range(3)]
    require(all(run.ok and 0.6 < run.seconds < 1.5 for run in runs), str(runs))


@_or_refused
def a_stateful_session_is_held_to_its_memory(sandbox: Sandbox) -> None:
    """Also where the memory is taken over several runs; the session goes on."""
    take = "held += [bytearray(b'x') * (64 << 20) for _ in range(4)]"
    with _open(sandbox) as session:
        session.run("held = []")
        runs = [session.run(take) for _ in range(8)]
        after = session.run("open('file', 'w').write('fine'); print('fine')")
    require(any(run.killed_by == "memory" or "MemoryError" in run.stderr for run in runs), runs[-1])
    require(after.ok and after.stdout == "fine\n", after)


@_or_refused
def output_and_exit_code_of_a_stateful_session_are_the_runs_own(sandbox: Sandbox) -> None:
    """What a run prints stays in it, flushed or not; `os._exit` costs the variables alone."""
    with _open(sandbox) as session:
        first = session.run("import sys\nprint('one', end='')\nsys.stderr.write('oh')")
        second = session.run("print('two'); sys.exit(7)")
        third = session.run("pass")
        ended = session.run("import os; print('gone', flush=True); os._exit(3)")
        after = session.run("print('back')")
        flood = session.run("print('x' * 100_000)")
        last = session.run("print('last')")
    require((first.exit_code, first.stdout, first.stderr) == (0, "one", "oh"), first)
    require((second.exit_code, second.stdout, second.stderr) == (7, "two\n", ""), second)
    require((third.exit_code, third.stdout, third.stderr) == (0, "", ""), third)
    require((ended.exit_code, ended.stdout) == (3, "gone\n"), ended)
    require(after.ok and after.stdout == "back\n", after)
    require(flood.ok and flood.truncated, flood)
    require(last.stdout == "last\n" and not last.truncated, last)


@_or_refused
def stateful_sessions_share_nothing(sandbox: Sandbox) -> None:
    """Neither variables nor modules nor files, also while both are open."""
    mark = "import builtins, sys; left = builtins.left = sys.left = 1; open('left', 'w').close()"
    look = """
        import builtins, os, sys
        print("left" in globals(), hasattr(builtins, "left"), hasattr(sys, "left"), os.listdir())
    """
    with _open(sandbox) as one, _open(sandbox) as other:
        one.run(mark)
        while_open = other.run(textwrap.dedent(look))
        own = one.run("print(left, sys.left)")
    with _open(sandbox) as later:
        afterwards = later.run(textwrap.dedent(look))
    require(own.stdout == "1 1\n", own)
    require(while_open.stdout == "False False False ['input']\n", while_open)
    require(afterwards.stdout == "False False False ['input']\n", afterwards)


@_or_refused
def nothing_of_a_stateful_session_runs_between_its_runs(sandbox: Sandbox) -> None:
    """Neither a thread nor a daemon makes progress, so files are read as the run left them."""
    code = """
        import os, threading, time
        def beat(path):
            with open(path, "ab", buffering=0) as file:
                while True:
                    file.write(b".")
                    time.sleep(0.01)
        threading.Thread(target=beat, args=["of_thread"], daemon=True).start()
        if os.fork() == 0:
            os.setsid()
            beat("of_child")
        time.sleep(0.5)
        print("left them")
    """
    with _open(sandbox) as session:
        left = session.run(textwrap.dedent(code))
        require(left.ok and left.stdout == "left them\n", left)
        before = _beats(session)
        time.sleep(0.3)
        require(min(before) > 0, f"thread and daemon did not even start: {before}")
        require(_beats(session) == before, "something runs on between two runs")
        after = session.run("print('next')")
    require(after.ok and after.stdout == "next\n", after)


def _open(sandbox: Sandbox) -> SandboxSession:
    return sandbox.open(INPUT, LIMITS, stateful=True)


def _beats(session: SandboxSession) -> list[int]:
    return [len(session.read(f"of_{who}", max_bytes=1 << 20) or b"") for who in ("thread", "child")]
