"""Persistence: each attack runs again, in a new session or a new run, and must find nothing."""

from __future__ import annotations

from _attack import Attack, Outcome, any_of, anyhow, breaks_what_runs_it, said_so

_SPOILT = 77
_SPOILS = any_of(said_so, breaks_what_runs_it)


def _same_numbers(outcome: Outcome) -> bool:
    drawn = [line for run in outcome.runs for line in run.stdout.splitlines() if "." in line]
    return len(set(drawn)) < len(drawn)


def _shadowed(outcome: Outcome) -> bool:
    return any(run.exit_code == _SPOILT for run in outcome.runs)


_FILES = """
for folder in {"/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/var/lock", "/", "/dev",
               "/etc", "/mnt", os.path.expanduser("~"), os.environ.get("TMPDIR", "/tmp")}:
    place = os.path.join(folder, "planted-" + facts["token"])
    if os.path.exists(place):
        won(place)
    try:
        open(place, "w").close()
    except OSError:
        pass
"""
_INPUTS = """
if open("input/train.csv").read() != "clean" or os.path.exists("input/planted"):
    won("the input is not what it was")
for change in (
    lambda: os.chmod("input", 0o777),
    lambda: os.chmod("input/train.csv", 0o666),
    lambda: open("input/train.csv", "w").write("spoilt"),
    lambda: open("input/planted", "w").close(),
    lambda: os.unlink("input/train.csv"),
    lambda: os.rename("input", "other"),
    lambda: os.symlink("/", "input/planted"),
    lambda: os.rmdir("input"),
):
    try:
        change()
    except OSError:
        pass
"""

ATTACKS = (
    Attack("a file in a temporary place", _FILES, bites=("plain",), sessions=2),
    Attack("a file in a temporary place, for the next run", _FILES, bites=("plain",), runs=2),
    Attack(
        "a file for the interpreter's start",
        """
import site
folders = [*site.getsitepackages(), site.getusersitepackages(), *sys.path, sys.prefix]
for folder in {folder for folder in folders if folder and not folder.endswith(".zip")}:
    for name in ("planted.pth", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg2"):
        place = os.path.join(folder, facts["token"] + name)
        if os.path.exists(place):
            won(place)
        try:
            os.makedirs(folder, exist_ok=True)
            open(place, "w").write("planted = 1")
        except OSError:
            pass
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "settings in the home folder",
        """
home = os.path.expanduser("~")
for name in (".bashrc", ".profile", ".config/pip/pip.conf", ".local/bin/python", ".netrc"):
    place = os.path.join(home, name)
    if os.path.exists(place):
        won(place)
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        open(place, "w").write("planted")
    except OSError:
        pass
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "a changed module",
        """
import builtins, random, string
for module in (builtins, json, sys, os, random, string):
    if hasattr(module, "planted"):
        won(module.__name__)
    module.planted = 1
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "a changed file of a library",
        """
import string
for place in (string.__file__, json.__file__, os.path.realpath(sys.executable), "/bin/sh"):
    before = os.stat(place)
    attempt("write " + place, lambda: open(place, "ab").close())
    try:
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000))
        if os.stat(place).st_mtime_ns != before.st_mtime_ns:
            os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
            won("touch " + place)
    except OSError:
        pass
    beside = os.path.join(os.path.dirname(place), facts["token"])
    attempt("beside " + place, lambda: (open(beside, "x").close(), os.unlink(beside)))
""",
        bites=("plain as root",),
    ),
    Attack(
        "a module that was planted for all",
        """
import types
if "planted_module" in sys.modules or "/planted-path" in sys.path:
    won("it is there")
sys.modules["planted_module"] = types.ModuleType("planted_module")
sys.path.insert(0, "/planted-path")
sys.meta_path.insert(0, sys.meta_path[0])
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "settings of the process",
        """
import resource, signal
old = os.umask(0o027)
if old == 0o027 or "PLANTED" in os.environ or signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN:
    won("they are as I left them")
os.environ["PLANTED"] = "1"
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "a thread and an exit handler",
        """
import atexit, threading
if any(thread.name == "planted" for thread in threading.enumerate()):
    won("the thread")
if hasattr(atexit, "planted") or os.path.exists("late"):
    won("the handler")
atexit.planted = atexit.register(lambda: open("late", "w").close())
threading.Thread(target=time.sleep, args=(0.3,), name="planted").start()
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "a trace, a profile, a hook",
        """
def planted(*_):
    return None
if sys.gettrace() or sys.getprofile() or getattr(sys.excepthook, "__name__", "") == "planted":
    won("my hook")
sys.excepthook = sys.unraisablehook = planted
sys.setprofile(planted)
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "a named semaphore",
        """
libc.sem_open.restype = ctypes.c_void_p
name = b"/" + facts["token"].encode()
if libc.sem_open(name, 0):
    won("found")
libc.sem_open(name, 0o100, 0o600, 1)
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "a POSIX shared memory",
        """
name = b"/m" + facts["token"].encode()
if libc.shm_open(name, 2, 0) >= 0:
    won("found")
libc.shm_open(name, 0o102, 0o600)
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "System V shared memory, semaphores and messages",
        """
key = int(facts["token"][2:9], 16)
for name, make in (("shmget", lambda flags: libc.shmget(key, 4096, flags)),
                   ("semget", lambda flags: libc.semget(key, 1, flags)),
                   ("msgget", lambda flags: libc.msgget(key, flags))):
    if make(0o600) >= 0:
        won(name)
    make(0o1600)
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "a message queue",
        """
name = b"/" + facts["token"].encode()
if libc.mq_open(name, 2) >= 0:
    won("found")
libc.mq_open(name, 0o102, 0o600, None)
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack(
        "a key in the user's keyring",
        """
numbers = {"x86_64": (248, 249, 250), "aarch64": (217, 218, 219)}
add, _, control = numbers[os.uname().machine]
name = facts["token"].encode()
if libc.syscall(control, 10, -4, b"user", name, 0) > 0:
    won("found")
key = libc.syscall(add, b"user", name, b"planted", 7, -4)
if key > 0:
    libc.syscall(control, 5, key, 0x3F3F0000)
    libc.syscall(control, 15, key, 20)
""",
        bites=("plain",),
        sessions=2,
    ),
    Attack("a changed input", _INPUTS, bites=("plain",), won=_SPOILS, runs=2),
    Attack(
        "a changed input, for the next session",
        _INPUTS,
        bites=("plain",),
        won=_SPOILS,
        sessions=2,
    ),
    Attack(
        "a module in the work directory that shadows another",
        f"""
for name in ("json", "string", "ctypes"):
    open(name + ".py", "w").write("raise SystemExit({_SPOILT})")
""",
        bites=("plain",),
        ended=anyhow,
        won=_shadowed,
        beyond={"cold": "what a run wrote can be imported by the next one of the session"},
        runs=2,
    ),
    Attack(
        "the same random numbers as a sibling",
        """
import random, uuid
import numpy as np
for draw in (random.random, np.random.random, np.random.default_rng().random):
    print(draw.__self__.__class__.__name__, draw())
print(f"uuid.{uuid.uuid4()}")
""",
        bites=("bare fork",),
        won=_same_numbers,
        sessions=2,
    ),
)
