"""`slurm`: sandboxes on the nodes of a Slurm cluster, each run by another backend there.

One `srun` starts a host on every node, which connects back to this process and serves sessions
until it ends; no step of an episode waits in a queue.

Stops and does not stop: what the backend on the nodes does, `warm` or `cold`. Answers and the
caller's environment stay on this machine. The network between the nodes is trusted not to listen;
whoever does not know this run's secret can neither pass for a node nor for the trainer.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sandmle.core.errors import SandboxError, UsageError
from sandmle.sandbox import SANDBOXES
from sandmle.sandbox._remote import BACKEND, RemoteNodes
from sandmle.sandbox._remote_messages import Settings
from sandmle.sandbox._remote_node import Node
from sandmle.sandbox._remote_sandbox import Launch, RemoteSandbox, import_path
from sandmle.sandbox._slurm_words import next_move

# Nothing else of this process's environment reaches a node; keys of models are in it.
_EXPORTED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH")


@SANDBOXES.register("slurm")
class SlurmSandbox(RemoteSandbox):
    """Runs code on the nodes of a Slurm allocation, or of one that it asks for.

    Nodes are started for the first session. Later, lost ones are replaced: sessions on them fail,
    new sessions go to the others.

    Args:
        python: The interpreter that runs the code, by its path on the nodes; by default the one
            that runs sandmle there.
        slots: How many runs go on at once on each node; by default one per core that Slurm gives.
        preload: See `make_sandbox`.
        gpus: See `make_sandbox`; numbers as they are on a node.
        nodes: How many nodes; by default all of the allocation that this process runs in, else 1.
        srun: The words that start `srun`, with options of one's own: a partition, a time limit.
        backend: Name of the sandbox on the nodes.
        address: Name or IPv4 address of this machine by which nodes reach it, the only one that is
            listened on; by default nodes try all addresses of this machine.
        node_python: The interpreter with sandmle, by its path on the nodes; by default this one's.
        wait_seconds: How long to wait until all nodes are there, in Slurm's queue for example.
        replace_seconds: How often to start lost nodes again while others work.
    """

    name = "slurm"

    def __init__(  # noqa: PLR0913 - what every sandbox takes, and what a cluster needs
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
        nodes: int | None = None,
        srun: Sequence[str] = ("srun",),
        backend: str = BACKEND,
        address: str | None = None,
        node_python: Path | None = None,
        wait_seconds: float = 600.0,
        replace_seconds: float = 60.0,
    ) -> None:
        if not srun or (nodes is not None and nodes < 1):
            raise UsageError(f"srun={srun!r}, nodes={nodes}: give the command, and 1 node or more")
        settings = Settings(
            backend=backend,
            python=None if python is None else str(python),
            slots=slots,
            preload=None if preload is None else tuple(preload),
            gpus=tuple(gpus),
        )
        super().__init__(settings, address=address)
        allocated = nodes_of_allocation()
        self._wanted = nodes or allocated or 1
        # An allocation has its cores; outside of one, a slot asks for one.
        cores = () if slots is None or allocated else (f"--cpus-per-task={slots}",)
        self._srun = (*srun, *cores)
        self._node_python = node_python or Path(sys.executable)
        self._wait_seconds = wait_seconds
        self._replace_seconds = replace_seconds
        self._launches: dict[int, Launch] = {}
        self._launched = 0
        self._last_launch = 0.0

    def _provide(self, nodes: RemoteNodes) -> None:
        alive = nodes.alive
        if not alive:
            self._end()
            number = self._launch(nodes, self._wanted)
            self._await(nodes, number)
            return
        since = time.monotonic() - self._last_launch
        if len(alive) < self._wanted and since > self._replace_seconds:
            self._replace(nodes, alive)

    def _replace(self, nodes: RemoteNodes, alive: Sequence[Node]) -> None:
        """Start the lost nodes again, unless they are on their way."""
        working = {node.launch for node in alive}
        for number, launch in list(self._launches.items()):
            if number in working:
                continue
            waits = time.monotonic() - launch.started < self._wait_seconds
            if waits and launch.running and not nodes.has_joined(number):
                return
            launch.end()
            del self._launches[number]
        names = ",".join(node.name for node in alive)
        self._launch(nodes, self._wanted - len(alive), f"--exclude={names}")

    def _end(self) -> None:
        while self._launches:
            _, launch = self._launches.popitem()
            launch.end()

    def _launch(self, nodes: RemoteNodes, count: int, *options: str) -> int:
        """Start `srun` for a number of nodes and return the launch's number."""
        if shutil.which(self._srun[0]) is None:
            raise SandboxError(
                f"there is no {self._srun[0]!r} in PATH; load your cluster's Slurm module, or use "
                "the sandbox 'warm' or 'cold' on this machine"
            )
        self._launched += 1
        self._last_launch = time.monotonic()
        number = self._launched
        environment = {**os.environ, "SLURM_JOB_NAME": "sandmle", **import_path()}
        exported = ",".join(name for name in _EXPORTED if name in environment)
        command = [
            *self._srun,
            f"--nodes={count}",
            f"--ntasks={count}",
            "--ntasks-per-node=1",
            # Beside the trainer's own step, on all cores that the allocation has there.
            "--overlap",
            "--cpu-bind=none",
            "--input=all",
            "--chdir=/",
            f"--export={exported}",
            *options,
            *nodes.command(self._node_python, launch=number),
        ]
        self._launches[number] = Launch(
            command,
            token=nodes.token,
            environment=environment,
            when_ended=lambda: nodes.drop("srun ended", launch=number),
        )
        return number

    def _await(self, nodes: RemoteNodes, number: int) -> None:
        launch = self._launches[number]

        def ended() -> str | None:
            if self._closed:
                return "the sandbox was closed meanwhile"
            return None if launch.running else f"srun ended{next_move(launch.said)}"

        try:
            nodes.wait(self._wanted, launch=number, seconds=self._wait_seconds, ended=ended)
        except TimeoutError:
            problem = (
                f"{len(nodes.alive)} of {self._wanted} nodes came within "
                f"{self._wait_seconds:g} s{next_move(launch.said)}"
            )
            nodes.drop("others did not come")
            self._end()
            raise SandboxError(problem) from None


def nodes_of_allocation() -> int | None:
    """Return how many nodes the allocation around this process has; None outside of one."""
    # Slurm tells a job about itself by environment variables only.
    if "SLURM_JOB_NUM_NODES" not in os.environ:
        return None
    return int(os.environ["SLURM_JOB_NUM_NODES"])
