from concurrent.futures import ThreadPoolExecutor

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox

HOST = """
import ctypes, os, socket, time
listener = socket.create_server(("127.0.0.1", 5555))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\\0neighbour")
abstract.listen()
for folder in ("/tmp", "/dev/shm", "/box"):
    open(folder + "/mine", "w").write("secret")
time.sleep(2.5)
print("undisturbed", open("/tmp/mine").read())
"""
GUEST = """
import os, socket, time
time.sleep(0.6)
for family, address in ((socket.AF_INET, ("127.0.0.1", 5555)), (socket.AF_UNIX, "\\0neighbour")):
    with socket.socket(family) as sock:
        try:
            sock.connect(address)
            print("connected", address)
        except OSError:
            pass
for folder in ("/tmp", "/dev/shm", "/box"):
    if os.path.exists(folder + "/mine"):
        print("found", folder)
print(sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()))
for pid in range(3, 400):
    try:
        os.kill(pid, 9)
        print("killed", pid)
    except ProcessLookupError:
        pass
"""


def test_two_runs_at_once_do_not_see_each_other(limits: Limits) -> None:
    with (
        make_sandbox("cold", slots=2) as sandbox,
        sandbox.open({}, limits) as one,
        sandbox.open({}, limits) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        host, guest = threads.submit(one.run, HOST), threads.submit(two.run, GUEST)
        assert guest.result().stdout == "[1, 2]\n"
        assert host.result().stdout == "undisturbed secret\n"


def test_two_sessions_of_one_task_have_inputs_of_their_own(cold: Sandbox, limits: Limits) -> None:
    lock = """
import fcntl
with open("input/train.csv") as file:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    print(file.fileno() > 2, open("input/train.csv").read())
    {wait}
"""
    files = {"train.csv": b"same"}
    with (
        cold.open(files, limits) as one,
        cold.open(files, limits) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        waiting = lock.format(wait="import time; time.sleep(0.5)")
        runs = list(threads.map(lambda session: session.run(waiting), (one, two)))
    assert [run.stdout for run in runs] == ["True same\n"] * 2, "no lock is shared between them"
