"""Processes: killing, hanging, hiding, multiplying, and outliving the run."""

from __future__ import annotations

from _attack import (
    Attack,
    Outcome,
    anyhow,
    breaks_what_runs_it,
    by_the_clock,
    lasts_or_lives_on,
    lives_on,
    said_so,
)

_HANG_SECONDS = 0.5
_SOON_SECONDS = 2.0


def _counts_too_many(outcome: Outcome) -> bool:
    return said_so(outcome) or lives_on(outcome)


def _alone_or_too_many(outcome: Outcome) -> bool:
    return all(run.killed_by in (None, "processes") for run in outcome.runs)


def _bomb(start: str) -> str:
    return f"""
import _thread
go_by_token()
made = failures = 0
while failures < 25 and made < facts["processes"] * 1.5:
    try:
        {start}
        made += 1
    except (OSError, RuntimeError):
        failures += 1
        time.sleep(0.01)
assert made, "one could be started"
if made >= facts["processes"] * 1.5:
    time.sleep(0.5)
    won(made)
"""


_BREAKING = {
    "kill everything": "os.kill(-1, 9)",
    "kill the parent and the first process": """
for pid in (1, os.getppid() or 1):
    for number in (9, 15):
        try:
            os.kill(pid, number)
        except OSError:
            pass
""",
    "kill the process group": "os.killpg(0, 9)",
    "kill every process by its number": """
for pid in range(1, 3_000):
    if pid != os.getpid():
        try:
            os.kill(pid, 9)
        except OSError:
            pass
""",
    "stop everything": "os.kill(-1, 19)",
    "stop the parent": "os.kill(os.getppid() or 1, 19)",
    "terminate with every signal": """
import signal
for number in range(1, 65):
    if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
        try:
            os.kill(os.getppid() or 1, number)
        except OSError:
            pass
""",
}
_DYING = {
    "leave at once": "os._exit(0)",
    "crash": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "run out of stack": "libc.alloca = None\nsys.setrecursionlimit(1 << 30)\n"
    "def deeper(*a):\n    return [].__class__(map(deeper, [1]))\ndeeper()",
    "close every descriptor": "os.closerange(0, 256)\nos._exit(0)",
    "become another program": "os.execv('/bin/true', ['true'])",
}
_HANGING = {
    "stop itself": "os.kill(os.getpid(), 19)",
    "ignore signals": """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    pass
""",
    "hang at exit": "import atexit\natexit.register(time.sleep, 60)",
    "never end a thread": """
import threading
threading.Thread(target=time.sleep, args=(60,)).start()
""",
    "wait for input": "try:\n    input()\nexcept EOFError:\n    time.sleep(60)",
    "spin in native code": "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    "hold the output from a daemon": """
if os.fork() == 0:
    if os.fork() == 0:
        leave_behind()
    os._exit(0)
os.wait()
time.sleep(60)
""",
    "print while hanging": """
while True:
    print("progress", flush=True)
    time.sleep(0.01)
""",
}

ATTACKS = (
    *(
        Attack(
            name,
            code,
            bites=("plain",),
            won=breaks_what_runs_it,
            ended=anyhow,
            timeout_seconds=_SOON_SECONDS,
        )
        for name, code in _BREAKING.items()
    ),
    *(
        Attack(name, code, bites=("one interpreter",), won=breaks_what_runs_it, ended=anyhow)
        for name, code in _DYING.items()
    ),
    *(
        Attack(
            name,
            code,
            bites=("plain",),
            won=lasts_or_lives_on,
            ended=by_the_clock,
            timeout_seconds=_HANG_SECONDS,
        )
        for name, code in _HANGING.items()
    ),
    Attack(
        "live on as a daemon",
        """
if os.fork() == 0:
    try:
        os.setsid()
    except OSError:
        pass
    if os.fork() == 0:
        os.closerange(0, 64)
        leave_behind()
    os._exit(0)
time.sleep(0.2)
""",
        bites=("plain", "bare fork"),
        won=lives_on,
        ended=anyhow,
    ),
    Attack(
        "keep the output open after the end",
        "if os.fork() == 0:\n    leave_behind()\ntime.sleep(0.1)",
        bites=("plain",),
        won=lasts_or_lives_on,
        ended=anyhow,
        timeout_seconds=_SOON_SECONDS,
    ),
    Attack(
        "be a child of whoever started it",
        """
numbers = {"x86_64": 56, "aarch64": 220}
pid = libc.syscall(numbers[os.uname().machine], 0x8000 | 17, 0, 0, 0, 0)
if pid == 0:
    os.closerange(0, 3)
    leave_behind()
time.sleep(0.2)
""",
        bites=("plain",),
        won=lives_on,
    ),
    Attack(
        "fork ever anew, a step ahead of the killer",
        """
def ahead():
    go_by_token()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        time.sleep(0.1)
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            pass
for _ in range(4):
    if os.fork() == 0:
        os.closerange(0, 3)
        ahead()
time.sleep(0.2)
""",
        bites=("plain",),
        won=lives_on,
        ended=_alone_or_too_many,
    ),
    Attack(
        "leave many dead children",
        """
for _ in range(5):
    if os.fork() == 0:
        go_by_token()
        for _ in range(3):
            if os.fork() == 0:
                os._exit(0)
        os.closerange(0, 3)
        time.sleep(20)
        os._exit(0)
time.sleep(0.2)
os._exit(0)
""",
        bites=("plain",),
        won=lives_on,
        ended=anyhow,
    ),
    Attack(
        "a bomb of processes",
        _bomb("os.fork() or leave_behind(3)"),
        bites=("plain",),
        won=_counts_too_many,
        ended=_alone_or_too_many,
    ),
    Attack(
        "a bomb of threads",
        _bomb("_thread.start_new_thread(time.sleep, (5,))") + "\nsys.stdout.flush()\nos._exit(0)",
        bites=("plain",),
        won=said_so,
        ended=_alone_or_too_many,
    ),
    Attack(
        "a bomb of processes that outlives the clock",
        """
end = time.monotonic() + 5
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            go_by_token()
            while time.monotonic() < end:
                time.sleep(0.05)
            os._exit(0)
    except OSError:
        time.sleep(0.01)
time.sleep(20)
""",
        bites=("plain",),
        won=lasts_or_lives_on,
        ended=lambda outcome: all(run.killed_by in ("time", "processes") for run in outcome.runs),
        timeout_seconds=_HANG_SECONDS,
    ),
    Attack(
        "leave a core file",
        """
import resource
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if hard:
    won(hard)
if os.fork() == 0:
    os.abort()
os.wait()
for name in os.listdir("."):
    if name not in ("input", "script.py"):
        won(name)
""",
        bites=("plain", "warm without limits"),
    ),
    Attack(
        "gain privileges",
        """
folder = os.open(".", os.O_RDONLY)
for name, change, gained in (
    ("nice", lambda: os.nice(-5), lambda: os.getpriority(os.PRIO_PROCESS, 0) < 0),
    ("chown", lambda: os.chown(folder, 0, 0), lambda: os.fstat(folder).st_gid == 0),
    ("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
     lambda: os.sched_getscheduler(0) == os.SCHED_FIFO),
    ("setgroups", lambda: os.setgroups([0]), lambda: 0 in os.getgroups()),
    ("setgid", lambda: os.setgid(0), lambda: os.getgid() == 0),
    ("setuid", lambda: os.setuid(0), lambda: os.getuid() == 0),
    ("chroot", lambda: os.chroot("/"), lambda: True),
):
    try:
        change()
        if gained():
            won(name)
    except OSError:
        pass
""",
        bites=("plain as root",),
    ),
    Attack(
        "run a program with another's rights",
        """
import stat, subprocess
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
if status["NoNewPrivs"].strip() == "0":
    for folder in ("/bin", "/usr/bin", "/usr/lib/openssh"):
        for entry in os.scandir(folder) if os.path.isdir(folder) else ():
            if entry.is_file() and entry.stat().st_mode & stat.S_ISUID:
                won(entry.path)
own = os.getuid()
open("program", "wb").write(open(os.path.realpath("/usr/bin/id"), "rb").read())
try:
    os.chmod("program", 0o6755)
except OSError:
    pass
told = subprocess.run(["./program", "-u"], capture_output=True, text=True).stdout.strip()
if told not in ("", str(own)):
    won(told)
""",
        bites=("plain",),
        ended=anyhow,
    ),
    Attack(
        "see the processes of others",
        """
own = {os.getpid(), 1}
for pid in processes() - own:
    try:
        won(open(f"/proc/{pid}/cmdline").read())
    except OSError:
        pass
""",
        bites=("plain",),
    ),
)
