"""Episodes on the machines of a Ray cluster, graded there and written here.

One actor per node holds a sandbox and plays several episodes at once. An episode that is lost with
its node is played again on another one, from nothing and with the same seed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandmle.core.episode import Episode, Failure
from sandmle.core.errors import PolicyRefused, UsageError
from sandmle.rollout.executor import Job, Played
from sandmle.rollout.ray_cluster import Cluster, NodeLost, RayOptions, ask, connected
from sandmle.rollout.ray_node import VERSIONS, Trouble
from sandmle.rollout.ray_players import Player, Players
from sandmle.rollout.run import episode_seed
from sandmle.rollout.settings import RunSettings
from sandmle.rollout.shipped_tasks import pack

__all__ = ["RayExecutor", "RayOptions"]

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
"""How often to look for new nodes."""
_MOST_PARCELS = 64
"""Tasks that stay in the object store while none of their episodes is being played."""
_STRIKES = 3
"""Tasks in a row whose failing sandboxes make a node suspect, and not the tasks."""


class RayExecutor:
    """Plays episodes on a Ray cluster; an `Executor`.

    Nodes need the same sandmle, what the sandbox needs, and the model's key in their own
    environment. Tasks are sent with their answers: a node grades what it plays.

    Args:
        settings: The run; `python` and `gpus` are those of the nodes.
        options: How the cluster is used.
        say: Told which nodes join, are lost and are left out; by default a warning is logged.
    """

    def __init__(
        self,
        settings: RunSettings,
        options: RayOptions | None = None,
        *,
        say: Callable[[str], None] = _log.warning,
    ) -> None:
        self._settings = settings
        self._options = options or RayOptions()
        self._say = say

    async def run(self, jobs: Iterable[Job], deliver: Callable[[Played], None]) -> None:
        """Play every job; see `Executor.run`.

        An episode whose nodes were lost `tries` times is delivered masked.

        Raises:
            UsageError: If Ray is not installed, there is no cluster at the address, a task cannot
                be read, or no node accepts the settings.
            PolicyRefused: If no call of the model can succeed.
            InfraError: If there is no node left to play on.
        """
        arguments = (self._settings.model_dump_json(), _replay_log(self._settings))
        if self._settings.sandbox == "unsafe":
            self._say("the sandbox 'unsafe' does not isolate: code has all rights on the nodes")
        with connected(self._options) as cluster:
            players = Players(cluster, self._options, arguments, say=self._say)
            dispatch = _Dispatch(self._settings, self._options, _Parcels(cluster), players)
            try:
                await dispatch.play(iter(jobs), deliver)
            finally:
                await dispatch.close()


@dataclass(eq=False)
class _Ticket:
    """A job on its way through the cluster."""

    job: Job
    digest: str
    parcel: Any
    """The task in the object store."""
    tried: list[str] = field(default_factory=list)
    """Nodes that it was given to in vain."""


class _Parcels:
    """Tasks in the object store, each put there once while it is in use."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._kept: OrderedDict[Path, tuple[str, Any]] = OrderedDict()

    def ticket(self, job: Job) -> _Ticket:
        """Make a job ready to be sent.

        Raises:
            UsageError: If the task cannot be read.
        """
        path = job.task_dir.path
        if path not in self._kept:
            parcel = pack(job.task_dir)
            self._kept[path] = (parcel.digest, self._cluster.put(parcel.data))
            if len(self._kept) > _MOST_PARCELS:
                # Tickets on their way hold theirs themselves.
                self._kept.popitem(last=False)
        self._kept.move_to_end(path)
        return _Ticket(job, *self._kept[path])


class _Dispatch:
    """Gives jobs to nodes that have room, and again where they were lost."""

    def __init__(
        self, settings: RunSettings, options: RayOptions, parcels: _Parcels, players: Players
    ) -> None:
        self._settings = settings
        self._options = options
        self._parcels = parcels
        self._players = players
        self._again: deque[_Ticket] = deque()
        self._playing: dict[asyncio.Task[Played | Trouble], tuple[_Ticket, Player]] = {}
        self._exhausted = False

    async def play(self, jobs: Iterator[Job], deliver: Callable[[Played], None]) -> None:
        """Play every job."""
        while True:
            await self._players.look()
            self._fill(jobs)
            if self._exhausted and not self._again and not self._playing:
                return
            waited_for = {*self._playing, *self._players.starting.values()}
            if not waited_for:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            await asyncio.wait(
                waited_for, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            for task in [task for task in self._playing if task.done()]:
                self._land(task, *self._playing.pop(task), deliver)

    async def close(self) -> None:
        """Stop what is being played, and end all actors."""
        for task in self._playing:
            task.cancel()
        await self._players.close()

    def _fill(self, jobs: Iterator[Job]) -> None:
        while self._has_room():
            ticket = self._next(jobs)
            if ticket is None:
                return
            player = self._place(ticket)
            if player is None:
                # Only nodes that failed it have room; another one will have some.
                self._again.append(ticket)
                return
            player.room -= 1
            call = player.actor.play.remote(ticket.digest, [ticket.parcel], ticket.job.replica)
            task = asyncio.ensure_future(ask(call))
            self._playing[task] = (ticket, player)

    def _has_room(self) -> bool:
        most = self._options.total
        if most is not None and len(self._playing) >= most:
            return False
        return any(player.room > 0 for player in self._players.ready)

    def _next(self, jobs: Iterator[Job]) -> _Ticket | None:
        if self._again:
            return self._again.popleft()
        if self._exhausted:
            return None
        job = next(jobs, None)
        self._exhausted = job is None
        return None if job is None else self._parcels.ticket(job)

    def _place(self, ticket: _Ticket) -> Player | None:
        """Return the emptiest node; one that failed this job only where there is no other."""
        ready = self._players.ready
        others = [player for player in ready if player.node.id not in ticket.tried]
        best = max(others or ready, key=lambda player: player.room)
        return best if best.room > 0 else None

    def _land(
        self,
        task: asyncio.Task[Played | Trouble],
        ticket: _Ticket,
        player: Player,
        deliver: Callable[[Played], None],
    ) -> None:
        player.room += 1
        try:
            outcome = task.result()
        except NodeLost as exc:
            self._players.retire(player, str(exc))
            outcome = Trouble(f"the node was lost: {exc}")
        if isinstance(outcome, Trouble) and outcome.is_refusal:
            raise PolicyRefused(outcome.message)
        why = _fault_of_node(outcome)
        if why is None:
            self._players.praise(player)
        else:
            player.failed.add(ticket.digest)
            ticket.tried.append(player.node.id)
            if len(player.failed) >= _STRIKES:
                self._players.retire(player, f"{_STRIKES} tasks in a row failed on it: {why}")
            if len(ticket.tried) < self._options.tries:
                self._again.append(ticket)
                return
        deliver(outcome if isinstance(outcome, Played) else self._masked(ticket, outcome))

    def _masked(self, ticket: _Ticket, trouble: Trouble) -> Played:
        task_id, replica = ticket.job.task_dir.task.id, ticket.job.replica
        episode = Episode(
            task_id=task_id,
            scaffold=self._settings.scaffold,
            policy=self._settings.policy,
            replica=replica,
            seed=episode_seed(self._settings.seed, task_id, replica),
            prompt=(),
            steps=(),
            stop_reason="infrastructure",
            mask_reason="infrastructure",
            failure=Failure(
                error="InfraError",
                boundary="other",
                message=f"given to {len(ticket.tried)} nodes in vain, last: {trouble.message}",
            ),
            attempts=len(ticket.tried),
            versions={"sandmle": VERSIONS[0], "grader": str(VERSIONS[1])},
        )
        return Played(episode, {})


def _fault_of_node(outcome: Played | Trouble) -> str | None:
    """Say what went wrong that another node may do better; None where nothing did."""
    if isinstance(outcome, Trouble):
        return outcome.message
    failure = outcome.episode.failure
    return failure.message if failure is not None and failure.boundary == "sandbox" else None


def _replay_log(settings: RunSettings) -> bytes | None:
    if settings.policy != "replay" or settings.replay is None:
        return None
    try:
        return Path(settings.replay).read_bytes()
    except OSError as exc:
        raise UsageError(f"{settings.replay} cannot be read ({exc.strerror})") from exc
