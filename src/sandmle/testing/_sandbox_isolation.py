"""What a sandbox must do that calls itself isolated; see `check_sandbox`."""

from __future__ import annotations

import socket
import tempfile
import textwrap
from pathlib import Path

from sandmle.core.execution import Sandbox
from sandmle.testing._sandbox_case import (
    LIMITS,
    SECRET,
    Checks,
    require,
    run,
    secret_in_environment,
)

ISOLATION = Checks()


@ISOLATION.add
def there_is_no_network(sandbox: Sandbox) -> None:
    """Not even to a server on the host's own loopback."""
    code = """
        import socket, sys
        try:
            socket.create_connection(("127.0.0.1", int(open("input/port").read())), timeout=2)
        except OSError as exc:
            print("refused", exc)
        else:
            sys.exit("connected to the host")
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1]).encode()
        with sandbox.open({"port": port}, LIMITS) as session:
            execution = session.run(textwrap.dedent(code))
    require(execution.ok and "refused" in execution.stdout, execution)


@ISOLATION.add
def private_files_beside_the_public_ones_are_out_of_reach(sandbox: Sandbox) -> None:
    """By relative and by absolute path, and by what /proc gives away."""
    code = """
        import os
        places = [line.strip() for line in open("input/places")]
        places += ["input/../../private/answers.csv", "/proc/1/root" + places[0],
                   "/proc/1/cwd/private/answers.csv"]
        for place in places:
            for reach in (os.listdir, open):
                try:
                    reach(place)
                except OSError:
                    continue
                print("found", place)
        print("searched")
    """
    with tempfile.TemporaryDirectory() as folder:
        public, private = Path(folder, "public"), Path(folder, "private")
        public.mkdir()
        private.mkdir()
        answers = private / "answers.csv"
        answers.write_text(SECRET)
        (public / "places").write_text(f"{answers}\n{public}\n{Path(__file__).resolve()}\n")
        with sandbox.open(public, LIMITS) as session:
            execution = session.run(textwrap.dedent(code))
    require(execution.ok and execution.stdout == "searched\n", execution)


@ISOLATION.add
def nothing_visible_holds_the_callers_environment(sandbox: Sandbox) -> None:
    """A key of the trainer is in no process that a script can see, and in no argument."""
    code = """
        import glob, os
        own = [f"/proc/{pid}/environ" for pid in (os.getpid(), os.getppid())]
        for place in own + glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
            try:
                print(place, open(place, errors="replace").read())
            except OSError:
                pass
    """
    with secret_in_environment():
        execution = run(sandbox, code)
    require("/proc/" in execution.stdout and SECRET not in execution.stdout, execution)


@ISOLATION.add
def sandmle_cannot_be_imported(sandbox: Sandbox) -> None:
    """The generator is public; with it and a seed an agent could make the answers again."""
    code = """
        import sys
        sys.path += ["/usr/lib/python3/dist-packages", ".", ".."]
        try:
            import sandmle
        except ImportError:
            print("absent")
    """
    execution = run(sandbox, code)
    require(execution.ok and execution.stdout == "absent\n", execution)


@ISOLATION.add
def other_processes_are_invisible(sandbox: Sandbox) -> None:
    """A script sees itself and the first process of its own namespace, or cannot look at all."""
    code = """
        import os
        try:
            print(sum(name.isdecimal() for name in os.listdir("/proc")) <= 2)
        except PermissionError:
            print(True)
    """
    execution = run(sandbox, code)
    require(execution.ok and execution.stdout == "True\n", execution)


@ISOLATION.add
def a_script_is_unprivileged(sandbox: Sandbox) -> None:
    """No capability, no way to gain one, only descriptors 0 to 2."""
    code = """
        import os
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        held = [status[name].strip() for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")]
        print(os.getuid() != 0, {int(one, 16) for one in held}, status["NoNewPrivs"].strip())
        listed = os.listdir("/proc/self/fd")
        print(sorted(fd for fd in listed if os.path.exists("/proc/self/fd/" + fd)))
    """
    execution = run(sandbox, code)
    require(execution.ok and execution.stdout == "True {0} 1\n['0', '1', '2']\n", execution)


@ISOLATION.add
def only_the_work_directory_and_temporary_places_are_writable(sandbox: Sandbox) -> None:
    """Everything else, the input included, is read-only."""
    code = """
        import os, sys, tempfile
        places = ["/", "/usr", "/etc", "/dev", "/proc/sys/kernel", "input",
                  os.path.join(sys.prefix, "bin"),
                  os.path.dirname(os.__file__)]
        for place in places:
            try:
                open(os.path.join(place, "planted"), "w").close()
                print("wrote to", place)
            except OSError:
                pass
        for place in (".", tempfile.gettempdir()):
            open(os.path.join(place, "fine"), "w").close()
        print("done")
    """
    execution = run(sandbox, code)
    require(execution.ok and execution.stdout == "done\n", execution)


@ISOLATION.add
def all_files_together_are_bounded(sandbox: Sandbox) -> None:
    """Many small files meet the same limit as a big one, or end the run; so does their number."""
    code = f"limit = {LIMITS.disk_mib}\n" + textwrap.dedent("""
        import os, time
        def fill(size, count):
            made = 0
            try:
                for number in range(count):
                    with open(f"file{number}", "wb") as file:
                        file.write(bytes(size))
                    made += 1
                    time.sleep(0.01 if size else 0)
            except OSError:
                pass
            return made
        made = fill(1 << 20, 64)
        for name in os.listdir("."):
            if name.startswith("file"):
                os.remove(name)
        print("MiB", made <= limit, "files", fill(0, 100_000) < 50_000)
    """)
    execution = run(sandbox, code)
    bounded = execution.stdout == "MiB True files True\n" or execution.killed_by == "disk"
    require(bounded, execution)


@ISOLATION.add
def the_memory_of_all_processes_is_added_up(sandbox: Sandbox) -> None:
    """Eight processes that take a fifth of the limit each are too many."""
    code = """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                held = bytearray(160 << 20)
                held[::4096] = bytes(len(held[::4096]))
                time.sleep(30)
                os._exit(0)
        time.sleep(30)
    """
    execution = run(sandbox, code)
    require(execution.killed_by == "memory", execution)
