"""What every sandbox must do, isolated or not; see `check_sandbox`."""

from __future__ import annotations

import os
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from sandmle.core.errors import InvalidSubmission, SandboxError, UsageError
from sandmle.core.execution import Sandbox, SandboxSession
from sandmle.testing._sandbox_case import (
    INPUT,
    LIMITS,
    SECRET,
    Checks,
    refuses,
    require,
    run,
    secret_in_environment,
)

BEHAVIOUR = Checks()


@BEHAVIOUR.add
def a_script_runs_in_the_work_directory_with_its_input(sandbox: Sandbox) -> None:
    """Paths are relative, and folders below `input/` are there."""
    code = "print(open('input/train.csv').read() + open('input/images/a.txt').read())"
    execution = run(sandbox, code)
    require(execution.ok and execution.stdout == "id,y\n1,2\npixel\n", execution)


@BEHAVIOUR.add
def a_folder_serves_as_input_and_stays_as_it_is(sandbox: Sandbox) -> None:
    """What a script does to `input/` never reaches the task's own files."""
    code = """
        import os
        for attempt in (
            lambda: os.remove("input/train.csv"),
            lambda: open("input/train.csv", "w").write("spoilt"),
            lambda: os.symlink("/etc/passwd", "input/link"),
        ):
            try:
                attempt()
            except OSError:
                pass
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "train.csv")
        place.write_bytes(b"as it was")
        with sandbox.open(Path(folder), LIMITS) as session:
            first = session.run("print(open('input/train.csv').read())")
            session.run(textwrap.dedent(code))
        require(first.stdout == "as it was\n", first)
        require(place.read_bytes() == b"as it was", "a script changed the task's file")
        require(os.listdir(folder) == ["train.csv"], "a script changed the task's folder")  # noqa: PTH208 - names only


@BEHAVIOUR.add
def files_persist_within_a_session_and_never_between_two(sandbox: Sandbox) -> None:
    """The second run finds what the first wrote; another session does not."""
    with sandbox.open(INPUT, LIMITS) as session:
        session.run("open('kept.txt', 'w').write('mine')")
        again = session.run("print(open('kept.txt').read())")
    require(again.stdout == "mine\n", again)
    other = run(sandbox, "import os; print(sorted(os.listdir('.')))")
    require(other.stdout == "['input']\n", other)


@BEHAVIOUR.add
def a_module_that_a_run_wrote_can_be_imported_by_the_next(sandbox: Sandbox) -> None:
    """As where scripts lie beside each other in one folder."""
    with sandbox.open(INPUT, LIMITS) as session:
        session.run("open('features.py', 'w').write('def double(x): return 2 * x')")
        seen = session.run("import features; print(features.double(4))")
    require(seen.stdout == "8\n", seen)


@BEHAVIOUR.add
def variables_do_not_outlive_a_run(sandbox: Sandbox) -> None:
    """Each run is a new interpreter, or as good as one."""
    with sandbox.open(INPUT, LIMITS) as session:
        session.run("import builtins, sys; builtins.left = 1; sys.left = 1; left = 1")
        seen = session.run("import sys; print(hasattr(sys, 'left'), 'left' in dir(__builtins__))")
    require(seen.stdout == "False False\n", seen)


@BEHAVIOUR.add
def errors_reach_the_agent_as_a_trace(sandbox: Sandbox) -> None:
    """Exit code 1, the line that failed, and no frame of ours."""
    execution = run(sandbox, "def f():\n    return 1 / 0\nprint('before', flush=True)\nf()\n")
    require(execution.exit_code == 1 and execution.killed_by is None, execution)
    require(execution.stdout == "before\n", execution)
    require("line 2, in f" in execution.stderr, execution)
    require("ZeroDivisionError" in execution.stderr, execution)
    require("sandmle" not in execution.stderr.replace("/sandmle-unsafe-", ""), execution)


@BEHAVIOUR.add
def exit_codes_are_the_scripts_own(sandbox: Sandbox) -> None:
    """`sys.exit` with a number, with text, a signal, and code that does not compile."""
    cases = {
        "import sys; sys.exit(7)": 7,
        "import sys; sys.exit('why')": 1,
        "import os, signal; os.kill(os.getpid(), signal.SIGTERM)": 128 + 15,
        "def broken(:": 1,
        "import os; os._exit(3)": 3,
    }
    with sandbox.open(INPUT, LIMITS) as session:
        for code, expected in cases.items():
            execution = session.run(code)
            require(execution.exit_code == expected and not execution.killed_by, execution)


@BEHAVIOUR.add
def a_run_over_its_time_is_killed_with_all_it_started(sandbox: Sandbox) -> None:
    """Also grandchildren that left the process group; nothing writes any more afterwards."""
    _leaves_no_writer(sandbox, end="time.sleep(60)", timeout_seconds=1.5, killed_by="time")


@BEHAVIOUR.add
def what_a_script_leaves_running_is_killed(sandbox: Sandbox) -> None:
    """A daemon does not outlive the script that ended well."""
    _leaves_no_writer(sandbox, end="time.sleep(0.5)", timeout_seconds=20, killed_by=None)


@BEHAVIOUR.add
def the_next_run_works_after_a_kill(sandbox: Sandbox) -> None:
    """And files that the killed run wrote are still there."""
    with sandbox.open(INPUT, LIMITS) as session:
        killed = session.run(
            "open('a', 'w').write('1')\nwhile True:\n    pass", timeout_seconds=0.7
        )
        require(killed.killed_by == "time" and killed.exit_code is None, killed)
        require(0.6 < killed.seconds < 5, killed)
        require(killed.cpu_seconds > 0.1, killed)
        after = session.run("print(open('a').read())")
    require(after.ok and after.stdout == "1\n", after)


@BEHAVIOUR.add
def a_script_that_closes_its_streams_is_not_over(sandbox: Sandbox) -> None:
    """What it still does counts, and so does how it ends."""
    code = """
        import os, time
        os.close(1)
        os.close(2)
        time.sleep(0.4)
        open("late", "w").write("written")
        os._exit(5)
    """
    with sandbox.open(INPUT, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        late = session.read("late", max_bytes=99)
    require(late == b"written", "the run was taken to be over before it was")
    require(execution.exit_code == 5 and execution.seconds >= 0.4, execution)


@BEHAVIOUR.add
def long_output_keeps_its_head_and_its_tail(sandbox: Sandbox) -> None:
    """Within the limit, with a sentence about what was cut."""
    execution = run(sandbox, "print('first'); print('x' * 100_000); print('last')")
    require(execution.truncated and execution.ok, execution)
    require(execution.stdout.startswith("first\n"), execution)
    require(execution.stdout.endswith("last\n"), execution)
    require("bytes left out" in execution.stdout, execution)
    require(len(execution.stdout) < LIMITS.output_bytes + 200, execution)


@BEHAVIOUR.add
def a_flood_of_output_is_stopped(sandbox: Sandbox) -> None:
    """A script that prints for ever is killed by what it prints, not by its time."""
    execution = run(sandbox, "while True:\n    print('y' * 10_000)")
    require(execution.killed_by == "output", execution)


@BEHAVIOUR.add
def hostile_bytes_become_harmless_text(sandbox: Sandbox) -> None:
    """No escape sequence, no control character, no broken UTF-8; a progress bar's last state."""
    code = r"""
        import sys
        sys.stdout.buffer.write(b"\x1b]0;title\x07\x1b[31mred\x1b[0m \x00\xff\x9b2J\n")
        sys.stdout.buffer.write("\u202etxt\u202c\n".encode())
        sys.stdout.buffer.write(b"10%\r50%\r100%\r\n")
    """
    execution = run(sandbox, code)
    require(execution.stdout.startswith("red \\x00"), execution)
    require(execution.stdout.endswith("100%\n") and "50%" not in execution.stdout, execution)
    require(all(mark.isprintable() or mark == "\n" for mark in execution.stdout), execution)


@BEHAVIOUR.add
def memory_is_bounded(sandbox: Sandbox) -> None:
    """A script that takes more and more is killed or gets a MemoryError, well below the host's."""
    code = """
        held = []
        for _ in range(64):
            held.append(bytearray(64 << 20))
            for block in held[-1:]:
                block[::4096] = bytes(len(block[::4096]))
        print("took 4 GiB")
    """
    execution = run(sandbox, code)
    require(not execution.ok and "took 4 GiB" not in execution.stdout, execution)
    require(execution.killed_by == "memory" or "MemoryError" in execution.stderr, execution)


@BEHAVIOUR.add
def processes_are_bounded(sandbox: Sandbox) -> None:
    """A fork bomb ends with an error or a kill at the limit."""
    code = """
        import os, time
        made = 0
        while made < 200:
            try:
                child = os.fork()
            except OSError:
                break
            if child == 0:
                time.sleep(30)
                os._exit(0)
            made += 1
        print("made", made, flush=True)
        time.sleep(0.3)
    """
    execution = run(sandbox, code)
    allowed = [f"made {number}\n" for number in range(LIMITS.processes + 1)]
    require(execution.killed_by == "processes" or execution.stdout in allowed, execution)


@BEHAVIOUR.add
def a_file_over_the_disk_limit_fails(sandbox: Sandbox) -> None:
    """The script gets an OSError, and the session stays usable."""
    code = """
        with open("big", "wb") as file:
            for _ in range(64):
                file.write(bytes(1 << 20))
        print("wrote 64 MiB")
    """
    with sandbox.open(INPUT, LIMITS) as session:
        execution = session.run(textwrap.dedent(code))
        require(not execution.ok and "wrote" not in execution.stdout, execution)
        after = session.run("import os; os.remove('big'); open('a', 'w').write('b')")
    require(after.ok, after)


@BEHAVIOUR.add
def reading_gives_regular_files_only(sandbox: Sandbox) -> None:
    """No link, directory, FIFO or file over the limit, also not on the way."""
    code = """
        import os
        open("plain", "w").write("text")
        os.symlink("plain", "link")
        os.symlink("/etc/passwd", "far")
        os.symlink("/", "root")
        os.mkdir("folder")
        open("folder/inner", "w").write("deep")
        os.symlink("folder", "way")
        os.mkfifo("fifo")
        with open("sparse", "wb") as file:
            file.truncate(8 << 20)
        open("large", "w").write("x" * 1_001)
    """
    with sandbox.open(INPUT, LIMITS) as session:
        made = session.run(textwrap.dedent(code))
        require(made.ok, made)
        require(session.read("plain", max_bytes=4) == b"text", "a plain file is not read")
        require(session.read("folder/inner", max_bytes=9) == b"deep", "a folder is not entered")
        require(session.read("absent", max_bytes=9) is None, "an absent file is not None")
        require(session.read("no/such", max_bytes=9) is None, "an absent folder is not None")
        refused = "link", "far", "folder", "fifo", "way/inner", "root/etc/passwd", "sparse", "large"
        for path in refused:
            refuses(InvalidSubmission, partial(session.read, path, max_bytes=1_000))
        for path in ("/etc/passwd", "../up", "folder/../../up", ""):
            refuses(UsageError, partial(session.read, path, max_bytes=1_000))


@BEHAVIOUR.add
def writing_follows_no_link(sandbox: Sandbox) -> None:
    """A file replaces a link of its name, and a link on the way is refused."""
    with sandbox.open(INPUT, LIMITS) as session:
        session.write("sub/dir/data.txt", b"given")
        linked = session.run("import os; os.symlink('sub', 'way'); os.symlink('sub', 'name')")
        require(linked.ok, linked)
        session.write("name", b"new")
        refuses(InvalidSubmission, lambda: session.write("way/data.txt", b"x"))
        refuses(UsageError, lambda: session.write("input/train.csv", b"x"))
        refuses(UsageError, lambda: session.write("../outside", b"x"))
        seen = session.run(
            "import os; print(open('sub/dir/data.txt').read(), open('name').read(), "
            "os.listdir('sub')); open('sub/dir/data.txt', 'a').write('more'); os.remove('name')"
        )
    require(seen.ok and seen.stdout == "given new ['dir']\n", seen)


@BEHAVIOUR.add
def a_closed_session_refuses(sandbox: Sandbox) -> None:
    """Closing twice is fine; using it afterwards is the caller's error, never a bad score."""
    session = sandbox.open(INPUT, LIMITS)
    session.close()
    session.close()
    refuses(SandboxError, lambda: session.run("pass"))
    refuses(SandboxError, lambda: session.read("a", max_bytes=1))


@BEHAVIOUR.add
def sessions_run_side_by_side(sandbox: Sandbox) -> None:
    """From several threads, each sees its own files only."""

    def play(number: int) -> str:
        with sandbox.open({"n": str(number).encode()}, LIMITS) as session:
            session.run("open('out', 'w').write(open('input/n').read())")
            return (session.read("out", max_bytes=9) or b"").decode()

    with ThreadPoolExecutor(4) as threads:
        seen = list(threads.map(play, range(8)))
    require(seen == [str(number) for number in range(8)], f"sessions got mixed up: {seen}")


@BEHAVIOUR.add
def the_callers_environment_is_not_passed_on(sandbox: Sandbox) -> None:
    """A key in the environment of the trainer is not in that of a script."""
    with secret_in_environment():
        execution = run(sandbox, "import os; print(dict(os.environ))")
    require(execution.stdout.startswith("{") and SECRET not in execution.stdout, execution)


def _leaves_no_writer(
    sandbox: Sandbox, *, end: str, timeout_seconds: float, killed_by: str | None
) -> None:
    """Start a daemon that keeps writing; it must be silent once the run is over."""
    code = f"""
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with open("beats", "ab", buffering=0) as file:
                    while True:
                        file.write(b".")
                        time.sleep(0.01)
            os._exit(0)
        {end}
    """
    with sandbox.open(INPUT, LIMITS) as session:
        execution = session.run(textwrap.dedent(code), timeout_seconds=timeout_seconds)
        require(execution.killed_by == killed_by, execution)
        before = _beats(session)
        time.sleep(0.2)
        require(before > 0 and _beats(session) == before, "a process outlived its run")


def _beats(session: SandboxSession) -> int:
    return len(session.read("beats", max_bytes=1_000_000) or b"")
