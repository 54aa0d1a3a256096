"""Steps of a soak: right ones, and those that end badly, each with what must come of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sandmle.core.execution import Execution
from sandmle.core.task import Limits

LIMITS = Limits(step_seconds=60, memory_mib=300, disk_mib=16, processes=16)
_BOMB_SECONDS = 0.25
_RARE = 0.05
"""Share of each kind that ends badly."""
Check = Callable[[Execution], bool]


@dataclass(frozen=True)
class Step:
    """Code and what is right."""

    kind: str
    code: str
    check: Check
    timeout_seconds: float | None = None


@dataclass
class Story:
    """What a session should know of its earlier steps."""

    token: str
    """Lies in the session's input; no other session has it."""
    stateful: bool
    written: int = 0
    variable: int = 0
    rng: random.Random = field(default_factory=random.Random)

    def next_step(self) -> Step:
        """Return another step."""
        number = self.rng.random()
        for make in (self._time_out, _memory_bomb, _crash, _fork_bomb):
            if number < _RARE:
                return make(self.rng)
            number -= _RARE
        usual = [self._arithmetic, self._files, self._table, self._fit, self._streams]
        if self.stateful:
            usual += [self._variable] * 2
        return self.rng.choice(usual)()

    def saw(self, step: Step, execution: Execution) -> None:
        """Note what a step has left."""
        if step.kind == "files":
            self.written += 1
        if step.kind == "variable":
            self.variable += 1
        # An interpreter that was killed, or that ended itself, has no variables any more.
        if execution.killed_by is not None or step.kind == "crash":
            self.variable = 0

    def _arithmetic(self) -> Step:
        number = self.rng.randrange(10_000)
        return _prints("arithmetic", f"print(sum(range({number})))", str(sum(range(number))))

    def _files(self) -> Step:
        code = """
import os
if sorted(os.listdir()) not in (["input"], ["input", "lines"]):
    print(os.listdir())
with open("lines", "a") as file:
    file.write(open("input/token").read() + "\\n")
lines = open("lines").read().split()
print(len(lines), *set(lines))
"""
        return _prints("files", code, f"{self.written + 1} {self.token}")

    def _table(self) -> Step:
        numbers = [self.rng.randrange(100) for _ in range(20)]
        code = f"""
import pandas as pd
table = pd.DataFrame({{"kind": ["a", "b"] * 10, "x": {numbers}}})
sums = table.groupby("kind")["x"].sum()
print(sums["a"], sums["b"])
"""
        return _prints("table", code, f"{sum(numbers[::2])} {sum(numbers[1::2])}")

    def _fit(self) -> Step:
        slope, offset = self.rng.randrange(1, 50), self.rng.randrange(50)
        code = f"""
import numpy as np
from sklearn.linear_model import LinearRegression
x = np.arange(20.0)[:, None]
model = LinearRegression().fit(x, {slope} * x[:, 0] + {offset})
print(round(model.coef_[0]), round(model.intercept_))
"""
        return _prints("fit", code, f"{slope} {offset}")

    def _streams(self) -> Step:
        status = self.rng.randrange(1, 100)
        code = f"import sys\nprint({status}, file=sys.stderr)\nprint('out')\nsys.exit({status})"
        return Step(
            "streams",
            code,
            lambda seen: (
                (seen.stdout, seen.stderr, seen.exit_code) == ("out\n", f"{status}\n", status)
            ),
        )

    def _time_out(self, rng: random.Random) -> Step:
        endings = [
            "while True: pass",
            "time.sleep(60)",
            "os.close(1)\ntime.sleep(60)",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\ntime.sleep(60)",
        ]
        if not self.stateful:
            # What these wait for comes at the interpreter's end.
            endings += [
                "threading.Thread(target=time.sleep, args=(60,)).start()",
                "atexit.register(time.sleep, 60)",
            ]
        imports = "import atexit, os, signal, threading, time"
        return Step(
            "time-out",
            f"{imports}\nprint('begun', flush=True)\n{rng.choice(endings)}",
            lambda seen: seen.killed_by == "time" and seen.stdout == "begun\n",
            _BOMB_SECONDS,
        )

    def _variable(self) -> Step:
        code = "kept = globals().get('kept', 0) + 1\nprint(kept)"
        return _prints("variable", code, str(self.variable + 1))


def _prints(kind: str, code: str, text: str) -> Step:
    return Step(
        kind, code, lambda seen: seen.ok and (seen.stdout, seen.stderr) == (f"{text}\n", "")
    )


def _memory_bomb(rng: random.Random) -> Step:
    code = rng.choice(
        (
            "held = []\nwhile True: held.append(bytearray(1 << 20))",
            "import numpy as np\nheld = []\nwhile True: held.append(np.ones(1 << 18))",
            "held = b'x' * (1 << 20)\nwhile True: held += held",
            "import os\nfor _ in range(3): os.fork()\nheld = []\n"
            "while True: held.append(bytearray(1 << 20))",
        )
    )
    return Step("memory bomb", code, _out_of_memory)


def _out_of_memory(seen: Execution) -> bool:
    return seen.killed_by == "memory" or (
        seen.killed_by is None and seen.exit_code == 1 and "MemoryError" in seen.stderr
    )


def _crash(rng: random.Random) -> Step:
    how, status = rng.choice(
        (
            ("ctypes.string_at(0)", 139),
            ("os.abort()", 134),
            ("os._exit(7)", 7),
            ("os.kill(os.getpid(), signal.SIGKILL)", 137),
        )
    )
    code = f"import ctypes, os, signal\n{how}"
    return Step("crash", code, lambda seen: seen.exit_code == status)


def _fork_bomb(rng: random.Random) -> Step:
    code = rng.choice(
        (
            "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
            "import os, time\nwhile True:\n try: os.fork()\n except OSError: time.sleep(1)",
            "import threading, time\nwhile True:\n try:\n  "
            "threading.Thread(target=time.sleep, args=(60,)).start()\n except RuntimeError: pass",
        )
    )
    return Step(
        "fork bomb", code, lambda seen: seen.killed_by in ("time", "processes"), _BOMB_SECONDS
    )
