"""The submission file: what code can put there for the trainer to stumble over."""

from __future__ import annotations

from _attack import (
    SUBMISSION,
    Attack,
    Outcome,
    any_of,
    anyhow,
    breaks_what_runs_it,
    changes_after_the_run,
    confuses_the_reader,
    is_read,
    is_read_or_confuses,
    said_so,
)

_TERABYTE = 1 << 40
_NAMES = 100_000


def _kept_open(outcome: Outcome) -> bool:
    return said_so(outcome) or is_read_or_confuses(outcome)


ATTACKS = (
    Attack(
        "a link to the answers",
        f"os.symlink(facts['answers'], '{SUBMISSION}')",
        bites=("plain",),
        won=is_read,
    ),
    Attack(
        "a link to a file of the host",
        f"os.symlink('/etc/passwd', '{SUBMISSION}')",
        bites=("plain",),
        won=is_read,
    ),
    Attack(
        "a link into the reader's own process",
        f"os.symlink('/proc/self/environ', '{SUBMISSION}')",
        bites=("plain",),
        won=is_read,
    ),
    Attack(
        "a link to an endless device",
        f"os.symlink('/dev/zero', '{SUBMISSION}')",
        bites=("plain",),
        won=confuses_the_reader,
    ),
    Attack(
        "a link to itself",
        f"os.symlink('{SUBMISSION}', '{SUBMISSION}')",
        bites=("plain",),
        won=confuses_the_reader,
    ),
    Attack(
        "a link on the way",
        "os.symlink(os.path.dirname(facts['answers']), 'out')",
        bites=("plain",),
        won=is_read,
        reads="out/answers.csv",
    ),
    Attack(
        "a hard link to the answers",
        f"attempt('linked', lambda: os.link(facts['answers'], '{SUBMISSION}'))",
        bites=("plain",),
        won=_kept_open,
    ),
    Attack(
        "a hard link to an input",
        f"""
try:
    os.link("input/train.csv", "{SUBMISSION}")
    os.chmod("{SUBMISSION}", 0o666)
    open("{SUBMISSION}", "w").write("spoilt")
except OSError:
    pass
if open("input/train.csv").read() != "clean":
    won("spoilt an input")
""",
        bites=("plain",),
    ),
    Attack("a folder", f"os.mkdir('{SUBMISSION}')", bites=("plain",), won=confuses_the_reader),
    Attack("a FIFO", f"os.mkfifo('{SUBMISSION}')", bites=("plain",), won=confuses_the_reader),
    Attack(
        "a socket",
        f"import socket\nsocket.socket(socket.AF_UNIX).bind('{SUBMISSION}')",
        bites=("plain",),
        won=confuses_the_reader,
        ended=anyhow,
    ),
    Attack(
        "a device",
        f"""
import stat
for kind, device in ((stat.S_IFCHR, os.makedev(1, 5)), (stat.S_IFBLK, os.makedev(7, 0))):
    attempt("made a device", lambda: os.mknod("{SUBMISSION}", 0o600 | kind, device))
""",
        bites=("plain as root",),
        won=_kept_open,
    ),
    Attack(
        "a file that is too large",
        f"open('{SUBMISSION}', 'w').write('x' * 2_000_000)",
        bites=("plain",),
        won=confuses_the_reader,
    ),
    Attack(
        "a sparse file",
        f"open('{SUBMISSION}', 'wb').truncate(12 << 20)",
        bites=("plain",),
        won=confuses_the_reader,
    ),
    Attack(
        "a sparse terabyte",
        f"""
with open("{SUBMISSION}", "wb") as file:
    attempt("a terabyte", lambda: file.truncate({_TERABYTE}))
""",
        bites=("plain",),
        won=any_of(said_so, confuses_the_reader),
    ),
    Attack(
        "a file that nobody may read",
        f"""
open("{SUBMISSION}", "w").write("id\\n")
os.chmod("{SUBMISSION}", 0)
os.chmod(".", 0)
""",
        bites=("plain",),
        won=confuses_the_reader,
    ),
    Attack(
        "a file that changes while it is read",
        f"""
if os.fork() == 0:
    go_by_token()
    os.closerange(0, 64)
    number, end = 0, time.monotonic() + 5
    while time.monotonic() < end:
        number += 1
        with open("new", "w") as file:
            file.write(str(number))
        os.replace("new", "{SUBMISSION}")
    os._exit(0)
time.sleep(0.3)
""",
        bites=("plain",),
        won=changes_after_the_run,
        ended=anyhow,
        pause_seconds=0.1,
    ),
    Attack(
        "a file and a link in turn while it is read",
        f"""
if os.fork() == 0:
    go_by_token()
    os.closerange(0, 64)
    open("plain", "w").write("id")
    end = time.monotonic() + 5
    while time.monotonic() < end:
        os.symlink("/etc/passwd", "new")
        os.replace("new", "{SUBMISSION}")
        os.link("plain", "new")
        os.replace("new", "{SUBMISSION}")
    os._exit(0)
time.sleep(0.3)
""",
        bites=("plain",),
        won=lambda outcome: (
            bool(outcome.left)
            or any(isinstance(data, bytes) and data != b"id" for data in outcome.read)
        ),
        ended=anyhow,
    ),
    Attack(
        "a tree too deep to be removed",
        """
for name in (b"\\xff\\xfe", b"new\\nline", b"-rf", b"a" * 255, b" ", b"*"):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
for _ in range(3_000):
    os.mkdir("d")
    os.chdir("d")
""",
        bites=("plain",),
        won=breaks_what_runs_it,
        ended=anyhow,
    ),
    Attack(
        "more names than a folder should hold",
        f"""
made = 0
try:
    while made < {_NAMES}:
        os.close(os.open(f"n{{made}}", os.O_CREAT | os.O_WRONLY))
        made += 1
        if made >= 6_000:
            time.sleep(0.5)
            won(made)
            break
except OSError:
    pass
for number in range(made):
    os.unlink(f"n{{number}}")
""",
        bites=("plain",),
        ended=anyhow,
    ),
)
