"""Answers and secrets: what the trainer knows, has in its memory, and hands down by mistake."""

from __future__ import annotations

from collections import Counter

from _attack import (
    FORGED_CODE,
    TRUE_CODE,
    Attack,
    Outcome,
    any_of,
    anyhow,
    breaks_what_runs_it,
)

_MARKS = "marks = [mark[::-1].encode() for mark in facts['marks']]\n"


def _forged(outcome: Outcome) -> bool:
    return any(run.exit_code != TRUE_CODE for run in outcome.runs)


def _shared(outcome: Outcome) -> bool:
    found = [line for run in outcome.runs for line in set(run.stdout.splitlines())]
    return any(count > 1 for line, count in Counter(found).items() if line.startswith("shared"))


def _touched(outcome: Outcome) -> bool:
    return outcome.touched


ATTACKS = (
    Attack(
        "read the answers by any path",
        _MARKS
        + """
places = [facts["answers"], "input/../private/answers.csv", "../private/answers.csv",
          "/box/../private/answers.csv", "../../private/answers.csv"]
for process in ("1", "self", "thread-self", str(os.getppid())):
    for link in ("root", "cwd", "fd/0", "fd/1"):
        places.append(f"/proc/{process}/{link}" + facts["answers"])
for place in places:
    try:
        data = open(place, "rb").read()
    except OSError:
        continue
    if any(mark in data for mark in marks):
        won(place)
""",
        bites=("plain", "plain as root"),
    ),
    Attack(
        "climb out by descriptors of folders",
        _MARKS
        + """
for start in ("/", ".", "input", "/proc/self/root", "/proc/self/cwd"):
    try:
        fd = os.open(start, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        continue
    for _ in range(40):
        try:
            up = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        except OSError:
            break
        os.close(fd)
        fd = up
    try:
        found = os.open(facts["answers"].lstrip("/"), os.O_RDONLY, dir_fd=fd)
        data = os.read(found, 99)
        if any(mark in data for mark in marks):
            won(start)
    except OSError:
        pass
""",
        bites=("plain",),
    ),
    Attack(
        "see whether the answers exist",
        """
for place in (facts["answers"], facts["task"], facts["task"] + "/public"):
    if os.path.lexists(place) or os.access(place, os.F_OK):
        won(place)
""",
        bites=("plain",),
        beyond={"landlock": "Landlock does not hide the metadata of files"},
    ),
    Attack(
        "change the metadata of the answers",
        """
def change(place):
    libc.setxattr(place.encode(), b"user.planted", b"1", 1, 0)
    yield lambda: os.utime(place, (1, 1))
    yield lambda: os.chmod(place, 0o600)
    yield lambda: os.chown(place, -1, os.getgid())
    yield lambda: os.truncate(place, 0)
    yield lambda: os.link(place, place + "2")
    yield lambda: os.rename(place, place + "3")
for place in (facts["answers"], *facts["owned"]):
    for action in change(place):
        try:
            action()
        except OSError:
            pass
""",
        bites=("plain",),
        won=_touched,
    ),
    Attack(
        "search all files for an answer or a key",
        _MARKS
        + """
skip = {"/usr", "/proc", "/sys", "/dev", "/mnt", "/root", "/work", sys.prefix, sys.base_prefix}
end, read = time.monotonic() + 8, 0
def places():
    for top in (".", "/tmp", "/"):
        for folder, below, names in os.walk(top):
            below[:] = [name for name in below if os.path.join(folder, name) not in skip]
            yield from (os.path.join(folder, name) for name in names)
for place in places():
    try:
        data = open(place, "rb").read(1 << 20) if os.path.isfile(place) else b""
    except OSError:
        continue
    read += 1
    if any(mark in data for mark in marks):
        won(place)
        break
    if time.monotonic() > end:
        break
assert read > 1, "the search itself works"
""",
        bites=("plain",),
    ),
    Attack(
        "read what /proc tells of every process",
        _MARKS
        + """
read = 0
for process in ("self", *processes()):
    for name in ("environ", "cmdline", "maps", "mountinfo", "status", "net/unix"):
        try:
            data = open(f"/proc/{process}/{name}", "rb").read()
        except OSError:
            continue
        read += 1
        if any(mark in data for mark in marks):
            won(f"{process}/{name}")
assert read > 3, "the search itself works"
""",
        bites=("plain",),
    ),
    Attack(
        "learn the task's folder from the mounts",
        """
for name in ("mountinfo", "mounts", "mountstats"):
    try:
        if facts["task"] in open(f"/proc/self/{name}").read():
            won(name)
    except OSError:
        pass
""",
        bites=("plain",),
    ),
    Attack(
        "read the memory of other processes",
        _MARKS
        + """
for process in processes() - {os.getpid()}:
    try:
        maps = open(f"/proc/{process}/maps").readlines()
        memory = open(f"/proc/{process}/mem", "rb", 0)
    except OSError:
        continue
    for line in maps:
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if " r" in line and "[v" not in line and end - start < 64 << 20:
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except (OSError, OverflowError, ValueError):
                continue
            if any(mark in data for mark in marks):
                won(process)
""",
        bites=("plain",),
    ),
    Attack(
        "open another process's memory to write",
        """
for process in {"1", str(os.getppid())}:
    if process != "0":
        attempt(process, lambda: open(f"/proc/{process}/mem", "r+b", 0).close())
""",
        bites=("plain", "bare fork"),
        beyond={"cold": "bubblewrap's own first process has no secret and the same rights"},
    ),
    Attack(
        "find what an earlier session left in memory",
        """
import re
token = facts["token"]
if facts["session"] == 0:
    sys.modules["json"].kept = "recall-" + token
else:
    earlier = re.compile(b"recall[-]" + token.encode())
    step = 1 << 20
    for line in open("/proc/self/maps").readlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if " r" not in line or "[v" in line or end - start > 1 << 30:
            continue
        # A file that was mapped beyond its end cannot be read there.
        whole = end if "/" not in line else start
        for place in range(start, whole, step):
            if earlier.search(ctypes.string_at(place, min(step + 64, end - place))):
                won(line.split()[0])
""",
        bites=("one interpreter",),
        sessions=2,
    ),
    Attack(
        "use inherited descriptors",
        """
import stat
for fd in range(3, 1024):
    try:
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
        won(f"{fd} {os.readlink(f'/proc/self/fd/{fd}')}")
    except OSError:
        pass
""",
        bites=("plain",),
    ),
    Attack(
        "find memory that is shared with another run",
        """
for line in open("/proc/self/maps"):
    _, rights, start, device, file, *_ = line.split()
    if rights[1] == "w" and rights[3] == "s":
        print("shared", device, file, start)
""",
        bites=("bare fork",),
        won=_shared,
        sessions=2,
    ),
    *(
        Attack(
            f"forge the result by shared memory: {value}",
            f"""
for line in open("/proc/self/maps").readlines():
    if line.split()[1][1] == "w" and line.split()[1][3] == "s":
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        ctypes.memset(start, {value}, end - start)
os._exit({TRUE_CODE})
""",
            bites=("bare fork",),
            won=any_of(_forged, breaks_what_runs_it),
            ended=anyhow,
        )
        for value in (FORGED_CODE, 0xFF)
    ),
    Attack(
        "forge the result by every descriptor",
        f"""
for fd in (0, *range(3, 64)):
    for forged in (b"{FORGED_CODE}\\n", b'{{"exit-code": {FORGED_CODE}}}\\n',
                   b'{{"exit_code": {FORGED_CODE}}}'):
        try:
            os.write(fd, forged)
        except OSError:
            pass
os._exit({TRUE_CODE})
""",
        bites=("plain",),
        won=_forged,
        ended=anyhow,
    ),
    Attack(
        "trace another process",
        """
if libc.ptrace(0, 0, 0, 0) == 0:
    won("own parent as tracer")
for pid in {1, os.getppid()} - {0}:
    if libc.ptrace(0x4206, pid, 0, 0) == 0:
        won(f"seized {pid}")
if libc.process_vm_readv(os.getpid(), None, 0, None, 0, 0) == 0:
    won("process_vm_readv")
""",
        bites=("plain", "cold without seccomp", "warm without filter"),
    ),
    Attack(
        "look into the home and project folders",
        """
for place in facts["hidden"]:
    attempt(place, lambda: os.listdir(place) if os.path.isdir(place) else open(place).close())
""",
        bites=("plain",),
    ),
    Attack(
        "learn the host's name",
        """
import socket
for name in (os.uname().nodename, socket.gethostname()):
    if name == facts["host"]:
        won(name)
""",
        bites=("plain", "cold without uts"),
        beyond={"landlock": "without namespaces the host's name is that of all"},
    ),
    Attack(
        "learn the accounts of the host",
        """
import pwd
known = {entry.pw_name for entry in pwd.getpwall()} & set(facts["accounts"])
if len(known) > 2:
    won(sorted(known)[:3])
""",
        bites=("plain",),
    ),
)
