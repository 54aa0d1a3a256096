"""The whole environment that a script sees, and the limits that every backend sets alike."""

from __future__ import annotations

import os
from collections.abc import Sequence

SINGLE_THREADED = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    # LightGBM and joblib's process pools heed only this one.
    "LOKY_MAX_CPU_COUNT": "1",
    # The allocator inside pyarrow, which pandas imports, starts a thread of its own.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""One thread per library: slots, not threads, use the cores; and a fork of a thread pool hangs."""


def script_environment(*, home: str, path: str, gpus: Sequence[int] = ()) -> dict[str, str]:
    """Return the environment of a script; nothing of the caller's is in it.

    Args:
        home: Home and temporary directory.
        path: The search path for commands.
        gpus: Numbers of the GPUs that CUDA may use, among those whose devices the script sees.
    """
    return {
        "PATH": path,
        "HOME": home,
        "TMPDIR": home,
        "USER": "agent",
        "LOGNAME": "agent",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        # Numbers are those of the devices; CUDA would put the fastest first.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": ",".join(str(number) for number in gpus),
        **SINGLE_THREADED,
    }


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))
