"""What `srun` and the nodes said, with what to do about it."""

from __future__ import annotations

_MOVES = (
    (
        "queued and waiting for resources",
        "the allocation is still pending; wait longer (wait_seconds), ask for less, or start this "
        "inside an allocation; `squeue` says what it waits for",
    ),
    (
        "No module named",
        "the interpreter on the node has no sandmle or lacks a package of it; install the same "
        "version there, or put this environment on a file system that the nodes share",
    ),
    (
        "execve():",
        "the node does not have that interpreter; put it on a file system that the nodes share, "
        "or name another one (node_python)",
    ),
    (
        "cannot reach the trainer",
        "let nodes connect to this machine (a firewall?), or name the address by which they "
        "reach it (address)",
    ),
    (
        "configuration source",
        "this machine does not belong to a Slurm cluster, or SLURM_CONF is missing",
    ),
    ("Unable to contact slurm controller", "Slurm's controller is not running; `scontrol ping`"),
    ("Unable to allocate resources", "`sinfo` says what there is; give options to srun (srun=...)"),
)
_LAST_CHARACTERS = 1_500


def next_move(said: str) -> str:
    """Return a colon and the last words, and after them what to do where that is known."""
    words = f": {said[-_LAST_CHARACTERS:]}" if said else ""
    move = next((move for mark, move in _MOVES if mark in said), None)
    return f"{words}; {move}" if move else words
