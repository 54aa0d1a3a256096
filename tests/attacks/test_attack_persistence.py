"""Each attack runs twice; the second run, in a session of its own, finds nothing of the first."""

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits

PLANTS = {
    "a file in a temporary place": """
import os
for folder in {"/tmp", "/dev/shm", "/var/tmp", "/run", os.path.expanduser("~")}:
    place = folder + "/planted"
    if os.path.exists(place):
        print("found", place)
    try:
        open(place, "w").close()
    except OSError:
        pass
""",
    "a module in the interpreter": """
import os, site, sys
for folder in [*site.getsitepackages(), site.getusersitepackages(), *sys.path, "/box"]:
    place = folder + "/planted.pth"
    if os.path.exists(place):
        print("found", place)
    try:
        os.makedirs(folder, exist_ok=True)
        open(place, "w").write("import sys; sys.planted = 1")
    except OSError:
        pass
""",
    "a changed library": """
import json, os
if hasattr(json, "planted"):
    print("found")
for mode in ("a", "w"):
    try:
        open(json.__file__, mode).write("\\nplanted = 1\\n")
    except OSError:
        pass
json.planted = 1
""",
    "a named semaphore": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
if libc.sem_open(b"/planted", 0):
    print("found")
libc.sem_open(b"/planted", 0o100, 0o600, 1)
""",
    "a changed input": """
import os
if open("input/train.csv").read() != "clean" or os.path.exists("input/planted"):
    print("found")
for attempt in (
    lambda: os.chmod("input", 0o777),
    lambda: os.chmod("input/train.csv", 0o666),
    lambda: open("input/train.csv", "w").write("spoilt"),
    lambda: open("input/planted", "w").close(),
    lambda: os.rename("input", "other"),
    lambda: os.rmdir("input"),
):
    try:
        attempt()
    except OSError:
        pass
""",
    "an exit handler and a thread": """
import atexit, os, threading, time
if os.path.exists("late"):
    print("found")
atexit.register(lambda: open("late", "w").close())
threading.Thread(target=time.sleep, args=(0.2,)).start()
""",
}


@pytest.mark.parametrize("plant", PLANTS)
def test_the_next_session_finds_nothing(plant: str, cold: Sandbox, limits: Limits) -> None:
    for _ in range(2):
        with cold.open({"train.csv": b"clean"}, limits) as session:
            execution = session.run(PLANTS[plant])
        assert execution.ok, execution
        assert execution.stdout == ""


@pytest.mark.parametrize(
    "plant", ["a file in a temporary place", "a changed library", "a changed input"]
)
def test_the_next_run_of_the_session_finds_nothing_outside_the_work_directory(
    plant: str, cold: Sandbox, limits: Limits
) -> None:
    with cold.open({"train.csv": b"clean"}, limits) as session:
        for _ in range(2):
            assert session.run(PLANTS[plant]).stdout == ""


def test_a_module_in_the_work_directory_shadows_nothing(cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        session.run(
            "for name in ('json', 'sitecustomize', 'usercustomize', 'os'):\n"
            "    open(name + '.py', 'w').write('raise SystemExit(77)')"
        )
        assert session.run("import json; print(json.dumps(1))").stdout == "1\n"
