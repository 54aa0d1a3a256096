"""The few words spoken with Ray: connect, list nodes, make an actor, ask it, end it.

The only module that imports Ray, and only when it is used.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import Field

from sandmle.core.errors import InfraError, UsageError, boundary
from sandmle.core.record import Record
from sandmle.rollout.ray_node import NodePlayer

T = TypeVar("T")

_STORE_BYTES = 256 * 2**20
"""Shared memory of a Ray of our own: it holds tasks on their way, which are small."""
_SPARE_CALLS = 4
"""Calls of an actor beside the episodes: to start and to close it."""


class RayOptions(Record):
    """How a run uses a Ray cluster; none of it decides what the episodes are."""

    address: str | None = None
    """`auto` or `HOST:PORT` for a running cluster; None: this machine, for this run only."""
    concurrency: int = Field(default=4, ge=1)
    """Episodes at once on each node."""
    total: int | None = Field(default=None, ge=1)
    """Episodes at once in all; None: what the nodes take."""
    model_slots: int | None = Field(default=None, ge=1)
    """Calls of the model at once on each node; None: as many as there are episodes."""
    slots: int | None = Field(default=None, ge=1)
    """Code runs at once on each node; None: one per processor that the actor has."""
    num_cpus: float | None = Field(default=None, gt=0)
    """Processors that the actor asks for on each node; None: all that Ray counts there."""
    num_gpus: float = Field(default=0.0, ge=0)
    """GPUs that the actor asks for, for a policy that runs in it."""
    runtime_env: dict[str, Any] = Field(default_factory=dict)
    """For the actors, in Ray's words: `env_vars`, `py_modules`, `pip`."""
    tries: int = Field(default=3, ge=1)
    """To how many nodes an episode is given, one after the other, before it is masked."""
    starts: int = Field(default=3, ge=1)
    """How often a node is started that plays nothing to its end in between."""
    start_seconds: float = Field(default=120.0, gt=0)
    """How long a node may take to start its actor and its sandbox."""
    wait_seconds: float = Field(default=60.0, ge=0)
    """How long to wait for a node where there is none."""


class NodeLost(InfraError):
    """An actor or its node has died, or does not answer."""


@dataclass(frozen=True)
class ClusterNode:
    """A machine of the cluster."""

    id: str
    name: str
    cpus: float
    gpus: float


class Cluster:
    """A connection to Ray; made by `connected`."""

    def __init__(self, options: RayOptions) -> None:
        self._options = options

    def nodes(self) -> list[ClusterNode]:
        """Return the living nodes that have what an actor asks for."""
        options = self._options
        found = [_node(entry) for entry in _ray().nodes() if entry["Alive"]]
        least = options.num_cpus or 1
        return [node for node in found if node.cpus >= least and node.gpus >= options.num_gpus]

    def put(self, data: bytes) -> Any:
        """Put bytes into the object store; they stay as long as somebody holds what is returned."""
        return _ray().put(data)

    def actor(self, node: ClusterNode, *arguments: object) -> Any:
        """Make a `NodePlayer` on one node; it ends with this connection at the latest."""
        ray = _ray()
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = self._options
        there = NodeAffinitySchedulingStrategy(node.id, soft=False)
        return (
            ray.remote(NodePlayer)
            .options(
                num_cpus=options.num_cpus or node.cpus,
                num_gpus=options.num_gpus,
                max_concurrency=options.concurrency + _SPARE_CALLS,
                # What is done about a loss is decided here; Ray would also repeat deliberate ends.
                max_restarts=0,
                max_task_retries=0,
                scheduling_strategy=there,
                **({"runtime_env": options.runtime_env} if options.runtime_env else {}),
            )
            .remote(*arguments)
        )

    def kill(self, actor: Any) -> None:
        """End an actor's process at once; what it holds ends with it."""
        _ray().kill(actor, no_restart=True)


async def ask(answer: Awaitable[T]) -> T:
    """Wait for what an actor answers.

    Raises:
        NodeLost: If the actor has died or cannot be reached.
    """
    from ray.exceptions import RayError

    try:
        return await answer
    except RayError as exc:
        raise NodeLost(_last_line(str(exc)) or type(exc).__name__) from exc


@contextmanager
def connected(options: RayOptions) -> Iterator[Cluster]:
    """Connect to a cluster, or start a Ray of this machine, and take back what was begun.

    A Ray that this process is connected to already is used and left as it is.

    Raises:
        UsageError: If Ray is not installed, or there is no cluster at the address.
        InfraError: If Ray does not start.
    """
    ray = _ray()
    if ray.is_initialized():
        yield Cluster(options)
        return
    if (options.address or "").startswith("ray://"):
        raise UsageError(
            f"{options.address} is an address of Ray Client, which is not supported; start the run "
            "on a node of the cluster, or with `ray job submit`"
        )
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if options.address is None:
        # It listens on all addresses; without this Ray would keep a token in the home directory.
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        with boundary(InfraError, "start Ray on this machine"):
            ray.init(
                address="local",
                include_dashboard=False,
                object_store_memory=_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
    else:
        with boundary(InfraError, f"connect to the Ray cluster at {options.address}"):
            try:
                ray.init(address=options.address, **quiet)
            except (ConnectionError, ValueError) as exc:
                raise UsageError(
                    f"there is no Ray cluster at {options.address!r} ({_last_line(str(exc))}); "
                    "start one with `ray start --head`, or leave the address out for a Ray of "
                    "this machine"
                ) from exc
    try:
        yield Cluster(options)
    finally:
        ray.shutdown()


def _ray() -> Any:
    before = list(sys.path)
    try:
        import ray
    except ImportError:
        raise UsageError("Ray is not installed; pip install 'sandmle[ray]'") from None
    # Ray puts its own copies of some packages first; other code means the installed ones.
    sys.path[:] = [*before, *(place for place in sys.path if place not in before)]
    return ray


def _node(entry: dict[str, Any]) -> ClusterNode:
    resources = entry["Resources"]
    return ClusterNode(
        id=entry["NodeID"],
        name=f"{entry['NodeManagerHostname']}/{entry['NodeID'][:6]}",
        cpus=resources.get("CPU", 0.0),
        gpus=resources.get("GPU", 0.0),
    )


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:400] if lines else ""
