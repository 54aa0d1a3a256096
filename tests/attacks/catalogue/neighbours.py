"""Two runs at once: the attack goes on beside a victim in another session."""

from __future__ import annotations

from _attack import Attack, Outcome, anyhow, said_so

_SECONDS = 0.7
_WATCH = f"""
def again_and_again(look):
    end = time.monotonic() + {_SECONDS} - 0.2
    while time.monotonic() < end:
        try:
            if look():
                break
        except OSError:
            pass
        time.sleep(0.05)
"""
_AT_WORK = f"""
import socket
go_by_token()
secret = "secret-of-" + facts["token"][::-1]
held = []
for family, address in ((socket.AF_INET, ("127.0.0.1", facts["neighbour_port"])),
                        (socket.AF_UNIX, "\\0neighbour-" + facts["token"])):
    try:
        sock = socket.socket(family)
        sock.bind(address)
        sock.listen()
        held.append(sock)
    except OSError:
        pass
kept = []
for folder in ("/tmp", "/dev/shm", ".", os.environ.get("TMPDIR", ".")):
    place = os.path.join(folder, "mine-" + facts["token"])
    try:
        open(place, "w").write(secret)
        kept.append(place)
    except OSError:
        pass
time.sleep({_SECONDS})
if kept and all(open(place).read() == secret for place in kept):
    print("undisturbed")
"""


_SHARED_LOCK = dict.fromkeys(
    ("cold", "warm", "landlock"), "a lock on a read-only file is seen by whoever sees the file"
)


_PASSES_A_DESCRIPTOR = """
import array, socket
time.sleep(0.25)
one, two = socket.socketpair()
try:
    one.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0]))])
except OSError as exc:
    if exc.errno == errno.ETOOMANYREFS:
        won("none is left")
"""
_FLOODS_WITH_DESCRIPTORS = f"""
import array, socket
many = array.array("i", [0] * 250)
pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(100)]
for pair in pairs:
    for end in pair:
        end.setblocking(False)
end, sent = time.monotonic() + {_SECONDS} * 1.5, 0
while time.monotonic() < end:
    for pair in pairs:
        for sock in pair:
            try:
                sock.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, many)])
            except OSError:
                continue
    time.sleep(0.01)
print("undisturbed")
"""


def _disturbed(outcome: Outcome) -> bool:
    return said_so(outcome) or any(
        not (run.ok and "undisturbed\n" in run.stdout) for run in outcome.victims
    )


def _beside(name: str, code: str, **more: object) -> Attack:
    given = {"bites": ("plain",), "won": _disturbed, "victim": _AT_WORK} | more
    return Attack(name, _WATCH + code, **given)  # type: ignore[arg-type]  # passed on by name


ATTACKS = (
    _beside(
        "connect to a neighbour",
        """
import socket
def look():
    for family, address in ((socket.AF_INET, ("127.0.0.1", facts["neighbour_port"])),
                            (socket.AF_UNIX, "\\0neighbour-" + facts["token"])):
        try:
            with socket.socket(family) as sock:
                sock.connect(address)
                won(address)
        except OSError:
            pass
again_and_again(look)
""",
        bites=("plain", "warm without network"),
    ),
    _beside(
        "read and spoil a neighbour's files",
        """
def look():
    tops = {"/tmp", "/dev/shm", "/box", "..", os.path.dirname(os.environ.get("TMPDIR", "/tmp"))}
    for top in {os.path.realpath(top) for top in tops} - {"/"}:
        for folder, below, names in os.walk(top):
            del below[20:]
            for name in names:
                place = os.path.join(folder, name)
                if name == "mine-" + facts["token"]:
                    won(open(place).read())
                    open(place, "w").write("spoilt")
                    return True
again_and_again(look)
""",
    ),
    _beside(
        "kill and stop a neighbour",
        """
def look():
    for pid in range(2, 4_000):
        if pid not in (os.getpid(), os.getppid()):
            try:
                if open(f"/proc/{pid}/comm").read().strip() == facts["token"]:
                    os.kill(pid, 9)
                    won(pid)
            except OSError:
                pass
            try:
                os.kill(pid, 0)
                won(f"may signal {pid}")
            except OSError:
                pass
again_and_again(look)
""",
    ),
    _beside(
        "look into a neighbour's process",
        """
def look():
    for pid in processes():
        if pid not in (os.getpid(), os.getppid(), 1):
            for name in ("environ", "maps", "cwd", "fd", "mem"):
                place = f"/proc/{pid}/{name}"
                try:
                    os.listdir(place) if name in ("cwd", "fd") else open(place).close()
                    won(place)
                except OSError:
                    pass
again_and_again(look)
""",
    ),
    _beside(
        "leave no process to a neighbour",
        f"""
made, end = 0, time.monotonic() + {_SECONDS} * 1.5
while made < 120 and time.monotonic() < end:
    try:
        if os.fork() == 0:
            time.sleep(max(0, end - time.monotonic()))
            os._exit(0)
        made += 1
    except OSError:
        time.sleep(0.01)
time.sleep(max(0, end - time.monotonic()))
""",
        victim=f"""
end = time.monotonic() + {_SECONDS}
while time.monotonic() < end:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    time.sleep(0.02)
print("undisturbed")
""",
        bites=("plain", "warm without user"),
        ended=anyhow,
    ),
    _beside(
        "leave no watch on files to a neighbour",
        f"""
held = 0
end = time.monotonic() + {_SECONDS} * 1.5
while time.monotonic() < end:
    held += 1
    if held > 600 or libc.inotify_init() < 0:
        time.sleep(0.02)
""",
        victim=f"""
end = time.monotonic() + {_SECONDS}
while time.monotonic() < end:
    fd = libc.inotify_init()
    if fd < 0 and ctypes.get_errno() == errno.EMFILE:
        os._exit(1)
    if fd >= 0:
        os.close(fd)
    time.sleep(0.02)
print("undisturbed")
""",
    ),
    _beside(
        "leave no descriptor on its way to a neighbour",
        _PASSES_A_DESCRIPTOR,
        runs=3,
        victim=_FLOODS_WITH_DESCRIPTORS,
        won=said_so,
        beyond=dict.fromkeys(
            ("warm", "cold as an ordinary user"),
            "the kernel counts descriptors on their way per user, and these runs have one user",
        ),
    ),
    _beside(
        "talk by a lock on a file that both see",
        """
import fcntl
def look():
    with open(os.__file__) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            won("somebody holds the lock")
again_and_again(look)
""",
        victim=f"""
import fcntl
with open(os.__file__) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    time.sleep({_SECONDS})
print("undisturbed")
""",
        won=said_so,
        beyond=_SHARED_LOCK,
    ),
    _beside(
        "talk by a lock on an input",
        """
import fcntl
def look():
    with open("input/train.csv") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            won("somebody holds the lock")
again_and_again(look)
""",
        victim=f"""
import fcntl
with open("input/train.csv") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    time.sleep({_SECONDS})
print("undisturbed")
""",
    ),
)
