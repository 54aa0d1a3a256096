"""Sessions whose interpreter lives on between runs: what it may not do meanwhile, nor to others."""

from __future__ import annotations

from dataclasses import replace

from _attack import (
    FORGED_CODE,
    TRUE_CODE,
    Attack,
    Outcome,
    any_of,
    anyhow,
    by_the_clock,
    changes_after_the_run,
    lasts_or_lives_on,
)
from catalogue import neighbours, persistence

_OF_OTHERS = ("a changed module", "a module that was planted for all", "settings of the process")
_OF_NEIGHBOURS = ("connect to", "read and spoil", "kill and stop", "look into")
_BEAT = """
def beat():
    number, end = 0, time.monotonic() + 6
    while time.monotonic() < end:
        number += 1
        with open("new" + str(os.getpid()), "w") as file:
            file.write(str(number))
        os.replace(file.name, "submission.csv")
        time.sleep(0.005)
"""


def _forged(outcome: Outcome) -> bool:
    return any(run.exit_code == FORGED_CODE for run in outcome.runs)


def _breaks_the_host(outcome: Outcome) -> bool:
    """It made the host fail: an agent that has that at will has its episodes thrown away."""
    return outcome.broken is not None


def _slow(outcome: Outcome) -> bool:
    return any(seconds > 6 for seconds in outcome.seconds)


def _in_a_notebook(attack: Attack) -> Attack:
    return replace(attack, name=f"{attack.name}, in a stateful session", stateful=True)


_FROM_OTHERS = tuple(
    _in_a_notebook(attack) for attack in persistence.ATTACKS if attack.name in _OF_OTHERS
)
_BESIDE = tuple(
    _in_a_notebook(attack)
    for attack in neighbours.ATTACKS
    if attack.name.startswith(_OF_NEIGHBOURS)
)
_FORGED = {
    "results": """b"0\\n", b'{"exit_code": 0}', b'{"done": 0}', b'{"ended": true, "status": 0}'""",
    "noise": """b"0\\n", b"", b"\\xff" * 40, b"{" * 4096""",
    "a flood": """b"0\\n", *[b"x" * 60_000] * 40""",
}

ATTACKS = (
    *_FROM_OTHERS,
    *_BESIDE,
    *(
        Attack(
            f"send {what} over every descriptor, in a stateful session",
            f"""
import socket
for fd in (0, *range(3, 64)):
    for forged in ({messages}):
        try:
            os.set_blocking(fd, False)
            os.write(fd, forged)
        except OSError:
            pass
os._exit({TRUE_CODE})
""",
            bites=("plain",),
            won=any_of(_forged, _breaks_the_host, _slow),
            ended=anyhow,
            stateful=True,
        )
        for what, messages in _FORGED.items()
    ),
    Attack(
        "send descriptors over every descriptor",
        """
import array, socket, stat
for fd in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            with socket.socket(fileno=os.dup(fd)) as sock:
                sock.setblocking(False)
                for _ in range(40):
                    sock.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                            array.array("i", [1] * 200))])
    except OSError:
        pass
os._exit(9)
""",
        bites=("one interpreter",),
        won=_breaks_the_host,
        ended=anyhow,
        stateful=True,
    ),
    Attack(
        "change the submission between two runs",
        _BEAT
        + """
import threading
threading.Thread(target=beat, daemon=True).start()
if os.fork() == 0:
    os.closerange(0, 3)
    try:
        os.setsid()
    except OSError:
        pass
    beat()
    os._exit(0)
time.sleep(0.2)
""",
        bites=("plain",),
        won=changes_after_the_run,
        stateful=True,
        pause_seconds=0.2,
    ),
    Attack(
        "fork a step ahead of being stopped",
        _BEAT
        + """
import signal
def ahead():
    os.closerange(0, 3)
    number, end = 0, time.monotonic() + 6
    while time.monotonic() < end:
        number += 1
        try:
            if os.fork():
                os._exit(0)
        except OSError:
            continue
        with open("new" + str(os.getpid()), "w") as file:
            file.write(str(number))
        os.replace(file.name, "submission.csv")
for _ in range(3):
    if os.fork() == 0:
        ahead()
time.sleep(0.3)
""",
        bites=("plain",),
        won=changes_after_the_run,
        ended=anyhow,
        stateful=True,
        pause_seconds=0.2,
    ),
    Attack(
        "outlive the session, stopped",
        """
for _ in range(3):
    if os.fork() == 0:
        os.closerange(0, 3)
        leave_behind()
time.sleep(0.2)
""",
        bites=("plain",),
        won=lambda outcome: bool(outcome.left),
        stateful=True,
    ),
    Attack(
        "hang in a stateful session",
        """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    leave_behind()
while True:
    pass
""",
        bites=("plain",),
        won=lasts_or_lives_on,
        ended=by_the_clock,
        stateful=True,
        timeout_seconds=0.5,
    ),
)
