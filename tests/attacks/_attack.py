"""What an attack is, how it is carried out, and how to tell whether it was won.

To add one, put an `Attack` into the `ATTACKS` of the module of its class in `catalogue/`:

- `code` runs in the sandbox after `_PRELUDE`. It calls `won("what it got")` where it got something
  it must not; what it is refused it passes over. `facts` tells it where to look.
- `bites` names the weak targets of `_weak` at which the attack succeeds, at least one. There it
  must win, on every sandbox it must not, and one and the same predicate, `won`, judges both.
- An attack whose evidence is not what it says (a process that lives on, a submission that is a
  link) names another predicate of this module, or a new one, as `won`.
- Where a run should end otherwise than by itself, `ended` says how.
- What a backend is known not to stop is named in `beyond`, and there the attack must win too, so
  that the list is true; SECURITY.md has the same list.

Code must be harmless where it succeeds: it opens kernel files but does not write to them, passes
calls such arguments that they fail after the check of rights, and stops once it has won.
"""

from __future__ import annotations

import contextlib
import json
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from _planted import Planted, processes_named

from sandmle.core.errors import InvalidSubmission, SandboxError
from sandmle.core.execution import Execution, Sandbox, SandboxSession
from sandmle.core.task import Limits

LIMITS = Limits(step_seconds=20, memory_mib=256, disk_mib=16, processes=24, output_bytes=8_000)
MAX_SUBMISSION_BYTES = 1_000_000
SUBMISSION = "submission.csv"
FORGED_CODE, TRUE_CODE = 0, 9
_LONG_SECONDS = 10
_NEXT_SECONDS = 8
_BURIAL_SECONDS = 2.0
"""How long a dead process may still show in /proc after the run."""

_PRELUDE = """
import ctypes, errno, json, os, sys, time
facts = json.load(open("input/facts.json"))
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def won(what):
    print("WON:", what, flush=True)

def attempt(what, action):
    try:
        action()
    except Exception:
        return False
    won(what)
    return True

def reach(what, number, *arguments):
    # The kernel looked at the call; -1 with another error is a call that was let through.
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    if result == -1 and ctypes.get_errno() == errno.ENOSYS:
        print("LACKS:", what)
    elif result != -1 or ctypes.get_errno() not in (errno.EPERM, errno.EMFILE):
        won(what)

def processes():
    try:
        return {int(name) for name in os.listdir("/proc") if name.isdecimal()}
    except OSError:
        # Without a list, the numbers nearby and the own family can be tried.
        near = range(max(1, os.getpid() - 300), os.getpid() + 300)
        return {1, os.getpid(), os.getppid() or 1, *near}

def go_by_token():
    libc.prctl(15, facts["token"].encode(), 0, 0, 0)

def leave_behind(seconds=20):
    go_by_token()
    time.sleep(seconds)
    os._exit(0)
"""
_ENDING = '\nprint("TRIED", flush=True)\n'
_NEXT = "import os; print('next', sorted(os.listdir('.')) if 'input' in os.listdir('.') else '')"


@dataclass
class Outcome:
    """What came of carrying out an attack."""

    token: str
    runs: list[Execution] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """How long each run took by the watch of who asked for it."""
    victims: list[Execution] = field(default_factory=list)
    read: list[bytes | Exception | None] = field(default_factory=list)
    """The submission, read twice in each session: its bytes, None where there is none, or the
    error."""
    left: list[int] = field(default_factory=list)
    """Processes that were alive after a run."""
    after: list[Execution] = field(default_factory=list)
    """The run after the attack, in the same session."""
    broken: Exception | None = None
    """Why the attacked could not go on."""
    touched: bool = False
    """Whether a file of the trainer is not as it was."""
    heard: bool = False
    """Whether a server of the host got a message."""

    @property
    def lines(self) -> list[str]:
        """What the attacks said."""
        return [line for run in self.runs for line in run.stdout.splitlines()]

    @property
    def works(self) -> bool:
        """Whether the session could be used after the attack, and closed."""
        ready = all(run.ok and run.stdout.startswith("next [") for run in self.after)
        return self.broken is None and bool(self.after) and ready

    @property
    def story(self) -> str:
        """All of it, for whoever reads why a test failed."""
        runs = {"run": self.runs, "victim": self.victims, "after": self.after}
        lines = [f"{kind}: {run}" for kind, found in runs.items() for run in found]
        facts = ("seconds", "read", "left", "broken", "touched", "heard")
        return "\n".join([*lines, *(f"{name}: {getattr(self, name)}" for name in facts)])


Verdict = Callable[[Outcome], bool]


def said_so(outcome: Outcome) -> bool:
    """It said that it got something."""
    return any(line.startswith("WON:") for line in outcome.lines)


def tried_all(outcome: Outcome) -> bool:
    """Every run came to its end by itself."""
    return all(run.ok and run.stdout.endswith("TRIED\n") for run in outcome.runs)


def anyhow(outcome: Outcome) -> bool:
    """However it ended, but not by the clock."""
    return all(run.killed_by != "time" for run in outcome.runs)


def by_the_clock(outcome: Outcome) -> bool:
    """Every run was killed for its time."""
    return all(run.killed_by == "time" for run in outcome.runs)


def lives_on(outcome: Outcome) -> bool:
    """A process of it was alive after the run."""
    return bool(outcome.left)


def breaks_what_runs_it(outcome: Outcome) -> bool:
    """The next run did not work, or the session could not be closed."""
    return not outcome.works


def lasts(outcome: Outcome) -> bool:
    """It kept whoever asked waiting."""
    late = any(seconds > _LONG_SECONDS for seconds in outcome.seconds)
    return late or any(run.exit_code is None and run.killed_by is None for run in outcome.runs)


def lasts_or_lives_on(outcome: Outcome) -> bool:
    """It kept whoever asked waiting, or lived on."""
    return lasts(outcome) or lives_on(outcome)


def is_read(outcome: Outcome) -> bool:
    """The submission was taken, whatever it was."""
    return any(isinstance(data, bytes) for data in outcome.read)


def confuses_the_reader(outcome: Outcome) -> bool:
    """Whoever read the submission got more than a file of bounded size or a clear refusal."""
    return any(
        len(data) > MAX_SUBMISSION_BYTES
        if isinstance(data, bytes)
        else data is not None and not isinstance(data, InvalidSubmission)
        for data in outcome.read
    )


def is_read_or_confuses(outcome: Outcome) -> bool:
    """It was taken, or confused the reader."""
    return is_read(outcome) or confuses_the_reader(outcome)


def changes_after_the_run(outcome: Outcome) -> bool:
    """Two looks at the submission saw different things."""
    return len(set(map(repr, outcome.read))) > 1


def any_of(*verdicts: Verdict) -> Verdict:
    """One of these."""

    def judge(outcome: Outcome) -> bool:
        return any(verdict(outcome) for verdict in verdicts)

    return judge


@dataclass(frozen=True)
class Attack:
    """Something that code may try, and how to tell whether it got it."""

    name: str
    code: str
    bites: tuple[str, ...]
    """The weak targets at which it must win; see `_weak`."""
    won: Verdict = said_so
    ended: Verdict = tried_all
    """How its runs must end in a sandbox."""
    each: tuple[str, ...] = ()
    """What it must say to have won, at a weak target, if the kernel has it: not one but each."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Further public files of the task."""
    sessions: int = 1
    """In how many sessions, one after the other, it is carried out."""
    runs: int = 1
    """How many times in each of them."""
    stateful: bool = False
    """Whether in a session whose interpreter lives on, stopped, from run to run."""
    victim: str | None = None
    """Code that runs in a neighbouring session at the same time."""
    timeout_seconds: float | None = None
    pause_seconds: float = 0.0
    """Between the two looks at the file."""
    reads: str = SUBMISSION
    """The file that is read after the runs."""
    beyond: Mapping[str, str] = field(default_factory=dict)
    """Targets that are known not to stop it, and why."""


def carry_out(attack: Attack, sandbox: Sandbox, planted: Planted) -> Outcome:
    """Do it and tell what came of it."""
    bounds = {name: getattr(LIMITS, name) for name in ("memory_mib", "disk_mib", "processes")}
    facts = planted.facts() | bounds
    outcome = Outcome(facts["token"])
    try:
        for number in range(attack.sessions):
            told = json.dumps(facts | {"session": number}).encode()
            files = {"train.csv": b"clean", **attack.files, "facts.json": told}
            with sandbox.open(files, LIMITS, stateful=attack.stateful) as session:
                with _neighbour(attack, sandbox, files, outcome):
                    for _ in range(attack.runs):
                        _run(attack, session, outcome)
                if not attack.stateful:
                    outcome.left += left_of(facts["token"])
                _read(attack, session, outcome)
                time.sleep(attack.pause_seconds)
                _read(attack, session, outcome)
                outcome.after.append(session.run(_NEXT, timeout_seconds=_NEXT_SECONDS))
            # Closing a session may end its processes without waiting for them.
            outcome.left += left_of(facts["token"], dying=True)
    except (SandboxError, RuntimeError) as exc:
        outcome.broken = exc
    outcome.heard = planted.heard(facts["token"])
    outcome.touched = planted.touched
    if outcome.touched:
        planted.restore()
    return outcome


def script(code: str) -> str:
    """Return what is run for the code of an attack."""
    return _PRELUDE + textwrap.dedent(code) + _ENDING


def left_of(token: str, *, dying: bool = False) -> list[int]:
    """Return processes of that name: those that live, and the dead that nobody buries.

    Args:
        token: The name.
        dying: Whether those that live are given time to die, too.
    """
    end = time.monotonic() + _BURIAL_SECONDS
    while found := processes_named(token):
        living = [pid for pid, dead in found.items() if not dead]
        if (living and not dying) or time.monotonic() > end:
            return living or list(found)
        time.sleep(0.02)
    return []


def _run(attack: Attack, session: SandboxSession, outcome: Outcome) -> None:
    start = time.monotonic()
    execution = session.run(script(attack.code), timeout_seconds=attack.timeout_seconds)
    outcome.seconds.append(time.monotonic() - start)
    outcome.runs.append(execution)


def _read(attack: Attack, session: SandboxSession, outcome: Outcome) -> None:
    try:
        outcome.read.append(session.read(attack.reads, max_bytes=MAX_SUBMISSION_BYTES))
    except (InvalidSubmission, RuntimeError) as exc:
        outcome.read.append(exc)


@contextlib.contextmanager
def _neighbour(
    attack: Attack, sandbox: Sandbox, files: Mapping[str, bytes], outcome: Outcome
) -> Iterator[None]:
    if attack.victim is None:
        yield
        return
    code = script(attack.victim)
    opened = sandbox.open(files, LIMITS, stateful=attack.stateful)
    with opened as session, ThreadPoolExecutor(1) as thread:
        running = thread.submit(session.run, code)
        yield
        outcome.victims.append(running.result())
