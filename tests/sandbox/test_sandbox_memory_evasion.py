"""Ways to hide memory from whoever adds it up, against real processes."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

from sandmle.sandbox._process_tree import bearer, exact_memory_kib, tree, usage
from sandmle.testing.remote import as_user

_MIB = 1 << 10
_EXIT_OF_A_THREAD = {"x86_64": 60, "aarch64": 93}


@contextlib.contextmanager
def _started(code: str) -> Iterator[int]:
    """Start a process, wait until it has said something, and give its id."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.skipif(platform.machine() not in _EXIT_OF_A_THREAD, reason="another processor")
def test_a_process_whose_first_thread_has_ended_still_counts() -> None:
    code = f"""
        import ctypes, threading, time
        def take():
            held = b"x" * (100 << 20)
            print("took", flush=True)
            time.sleep(60)
        threading.Thread(target=take).start()
        ctypes.CDLL(None).syscall({_EXIT_OF_A_THREAD[platform.machine()]}, 0)
    """
    with _started(code) as pid:
        assert bearer(pid) != pid
        assert usage([pid]).memory_kib > 100 * _MIB
        assert usage([pid]).peak_kib > 100 * _MIB
        assert exact_memory_kib([pid]) > 100 * _MIB


def test_a_process_that_may_not_be_looked_at_still_counts() -> None:
    # Root could look at any process, so both are an ordinary user's here.
    look = textwrap.dedent("""
        import subprocess, sys
        from sandmle.sandbox._process_tree import exact_memory_kib
        code = (
            "import ctypes, time; held = b'x' * (100 << 20); "
            "ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print('took', flush=True); time.sleep(60)"
        )
        words = [sys.executable, "-S", "-c", code]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            try:
                open(f"/proc/{process.pid}/smaps_rollup").read()
            except PermissionError:
                print(exact_memory_kib([process.pid]))
            process.kill()
    """)
    user = as_user() if os.geteuid() == 0 else []
    done = subprocess.run(
        [*user, sys.executable, "-P", "-c", look], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100 * _MIB


def test_the_dead_do_not_count() -> None:
    code = """
        import os, time
        for _ in range(20):
            if os.fork() == 0:
                os._exit(0)
        time.sleep(0.2)
        print("left them", flush=True)
        time.sleep(60)
    """
    with _started(code) as pid:
        assert len(tree(pid)) == 21
        assert usage(tree(pid)).tasks == 1
