"""Resources: memory of every kind, disk, inodes, output, descriptors, and the limits themselves."""

from __future__ import annotations

from pathlib import Path

from _attack import LIMITS, Attack, Outcome, anyhow


def _hold(grow: str, *, before: str = "", step_mib: int = 32) -> str:
    """Return code that takes memory up to 4 GiB and has won once it holds too much of it."""
    return f"""
import mmap
held = []
{before}
for number in range(1, {4096 // step_mib}):
    {grow}
    if number * {step_mib} > facts["memory_mib"] * 1.25:
        time.sleep(0.6)
        won(f"{{number * {step_mib}}} MiB")
        break
"""


def _failed(outcome: Outcome) -> bool:
    """It was killed for its memory, or its own error ended it."""
    return all(not run.ok and run.killed_by in (None, "memory") for run in outcome.runs)


def _alone_or_for_disk(outcome: Outcome) -> bool:
    return all(run.killed_by in (None, "disk") for run in outcome.runs)


def _flooded(outcome: Outcome) -> bool:
    most = LIMITS.output_bytes + 200
    return any(
        len(text.encode()) > most for run in outcome.runs for text in (run.stdout, run.stderr)
    )


def _killed_for_output(outcome: Outcome) -> bool:
    return all(run.killed_by == "output" and run.truncated for run in outcome.runs)


def _acts_on_a_terminal(outcome: Outcome) -> bool:
    texts = [text for run in outcome.runs for text in (run.stdout, run.stderr)]
    return any(not (mark.isprintable() or mark in "\n\t") for text in texts for mark in text)


def _has_sys_resource() -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    held = next(line for line in lines if line.startswith("CapEff")).split()[1]
    return bool(int(held, 16) >> _SYS_RESOURCE & 1)


_SYS_RESOURCE = 24
_NOT_COUNTED = dict.fromkeys(
    ("cold", "landlock as an ordinary user", "warm as an ordinary user"),
    "only control groups count what the kernel holds for a run",
)
_MAY_BE_SPARED = (
    {}
    if _has_sys_resource()
    else {"cold": "without CAP_SYS_RESOURCE the score of a run cannot be made its lowest"}
)
_FLOOD = """
for _ in range({blocks}):
    sys.{stream}.write("\\x1b[31mx" * 9999)
"""
_HOSTILE = """
for stream in (1, 2):
    for data in (b"\\x1b]0;title\\x07\\x1b[2J\\x1b[31mred\\n", b"\\x1b[8mhidden\\x1b[0m\\n",
                 b"good\\rbad\\n", b"a\\x08b\\x7f\\x00\\x9b31m\\n", b"\\xff\\xfe\\xc3\\x28\\n",
                 "\\u202eright to left\\u2066\\u200b\\n".encode(), b"\\xed\\xa0\\x80\\n"):
        os.write(stream, data)
sys.stdout.write("\\n")
"""

ATTACKS = (
    Attack(
        "memory of one process",
        _hold("held.append(bytearray(b'x') * (32 << 20))"),
        bites=("plain",),
        ended=_failed,
    ),
    Attack(
        "shared memory",
        _hold(
            "held.append(mmap.mmap(-1, 32 << 20))\n"
            "    for place in range(0, 32 << 20, 4096):\n        held[-1][place] = 1"
        ),
        bites=("plain",),
        ended=_failed,
    ),
    Attack(
        "memory of no process",
        _hold(
            "fd = libc.memfd_create(b'x', 0)\n"
            "    if fd < 0:\n        break\n"
            "    held.append([os.write(fd, bytes(1 << 20)) for _ in range(8)])",
            step_mib=8,
        ),
        bites=("plain", "cold without seccomp", "warm without filter"),
        ended=anyhow,
    ),
    Attack(
        "memory of many processes",
        """
most = int(facts["memory_mib"] * 1.4)
children = []
for _ in range(16):
    pid = os.fork()
    if pid == 0:
        held = bytearray(b"x") * (most // 16 << 20)
        time.sleep(2.5)
        os._exit(0)
    children.append(pid)
time.sleep(1)
if all(os.waitpid(pid, os.WNOHANG) == (0, 0) for pid in children):
    won(f"{most} MiB")
""",
        bites=("plain",),
        ended=lambda outcome: all(run.killed_by == "memory" for run in outcome.runs),
    ),
    Attack(
        "memory of an orphan",
        _hold(
            "held.append(bytearray(b'x') * (32 << 20))",
            before="if os.fork():\n    time.sleep(1.8)\n    os._exit(1)\n"
            "if os.fork():\n    os._exit(0)",
        ),
        bites=("plain",),
        ended=lambda outcome: all(run.killed_by in (None, "memory") for run in outcome.runs),
    ),
    Attack(
        "memory in pipes",
        """
import fcntl, resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = total = 0
try:
    while total < facts["memory_mib"] * 1.25 * (1 << 20):
        _, end = os.pipe()
        try:
            fcntl.fcntl(end, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(end, False)
        total += os.write(end, bytes(1 << 20))
    won(f"{total >> 20} MiB")
except OSError:
    pass
""",
        bites=("plain as root",),
        ended=anyhow,
    ),
    Attack(
        "memory in sockets",
        """
import resource, socket
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held, total = [], 0
try:
    while total < facts["memory_mib"] * 3 * (1 << 20):
        held.append(socket.socketpair())
        for end in held[-1]:
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
            try:
                while True:
                    total += end.send(bytes(1 << 16))
            except BlockingIOError:
                pass
    time.sleep(0.5)
    won(f"{total >> 20} MiB")
except OSError:
    pass
""",
        bites=("plain",),
        ended=anyhow,
        beyond=_NOT_COUNTED,
    ),
    Attack(
        "locked memory",
        """
import mmap
block = mmap.mmap(-1, 4 << 20)
block.write(bytes(4 << 20))
place = ctypes.addressof(ctypes.c_char.from_buffer(block))
if libc.mlock(ctypes.c_void_p(place), 4 << 20) == 0:
    won("mlock")
if libc.mlockall(1) == 0:
    won("mlockall")
""",
        bites=("plain", "warm without limits"),
    ),
    Attack(
        "a large file",
        """
with open("big", "wb", buffering=0) as file:
    try:
        for number in range(64):
            file.write(bytes(1 << 20))
            if number > facts["disk_mib"] + 1:
                time.sleep(0.5)
                won(number)
                break
    except OSError:
        pass
""",
        bites=("plain",),
        ended=_alone_or_for_disk,
    ),
    Attack(
        "many files, without names",
        """
total, held = 0, []
try:
    while total <= 2 * facts["disk_mib"]:
        held.append(open("big", "wb", buffering=0))
        os.unlink("big")
        total += held[-1].write(bytes(1 << 20)) >> 20
    time.sleep(0.5)
    won(f"{total} MiB")
except OSError:
    pass
""",
        bites=("plain",),
        ended=_alone_or_for_disk,
    ),
    Attack(
        "files in temporary places",
        """
total, held = 0, 0
for folder in {"/tmp", "/dev/shm", os.environ.get("TMPDIR", "/tmp"), os.path.expanduser("~")}:
    try:
        for number in range(2 * facts["disk_mib"]):
            with open(f"{folder}/big{number}", "wb") as file:
                file.write(bytes(1 << 20))
            total += 1
    except OSError:
        pass
if total > facts["disk_mib"]:
    time.sleep(0.5)
    won(f"{total} MiB")
""",
        bites=("plain",),
        ended=_alone_or_for_disk,
    ),
    Attack(
        "disk by many runs",
        """
written = 0
try:
    for number in range(6):
        open(f"{number}-{time.monotonic_ns()}", "wb").write(bytes(1 << 20))
except OSError:
    pass
total = sum(entry.stat().st_size for entry in os.scandir(".") if entry.is_file())
if total > 2 * facts["disk_mib"] << 20:
    won(total)
""",
        bites=("plain",),
        runs=8,
        ended=anyhow,
    ),
    Attack(
        "a flood on stdout",
        _FLOOD.format(stream="stdout", blocks=400),
        bites=("plain",),
        won=_flooded,
        ended=_killed_for_output,
    ),
    Attack(
        "a flood on stderr",
        _FLOOD.format(stream="stderr", blocks=400),
        bites=("plain",),
        won=_flooded,
        ended=_killed_for_output,
    ),
    Attack(
        "output that acts on whoever reads it",
        _HOSTILE,
        bites=("plain",),
        won=_acts_on_a_terminal,
    ),
    Attack(
        "very many descriptors",
        """
import resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
held = []
try:
    while len(held) < 3_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
    won(len(held))
except OSError:
    pass
for fd in held:
    os.close(fd)
""",
        bites=("plain", "warm without limits"),
    ),
    Attack(
        "raise the limits",
        """
import resource
for name in ("AS", "DATA", "FSIZE", "NPROC", "NOFILE", "CORE", "MEMLOCK", "SIGPENDING",
             "MSGQUEUE", "RTPRIO", "NICE"):
    kind = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        won("no bound on " + name)
    else:
        attempt("raised " + name, lambda: resource.setrlimit(kind, (soft, hard + 1)))
""",
        bites=("plain", "plain as root", "warm without limits"),
    ),
    Attack(
        "be spared when memory runs out",
        """
place = "/proc/self/oom_score_adj"
now = int(open(place).read())
def ask_for(score):
    with open(place, "w") as file:
        file.write(str(score))
for score in (-1000, now - 1):
    attempt(f"{now} to {score}", lambda: ask_for(score))
""",
        bites=("plain",),
        beyond=_MAY_BE_SPARED,
    ),
)
