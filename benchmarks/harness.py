"""What the benchmarks share: cases that take turns, compile time apart, peak memory, and a line about the machine."""

import ctypes
import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

Call = Callable[[], Any]


class Timing(NamedTuple):
    """Seconds of one call. The fastest says what the work takes, the median what one gets on a shared machine."""

    median: float
    fastest: float


def take_turns(cases: Mapping[Any, Call], repeats: int, progress: Callable[[str], None] | None = None) -> dict:
    """Time every case `repeats` times, one after the other in turns, after one call each that does not count.

    A busy machine so slows all cases alike, and their ratios stand.
    """
    seconds: dict[Any, list[float]] = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, call in cases.items():
            if progress:
                progress(f"{name}, {repeat} of {repeats}")
            began = time.perf_counter()
            jax.block_until_ready(call())
            if repeat:
                seconds[name].append(time.perf_counter() - began)
    return {name: Timing(statistics.median(s), min(s)) for name, s in seconds.items()}


def compiled(function: Callable[..., Any], *arguments: Any) -> tuple[Callable[..., Any], float, float]:
    """A jitted function's program for these arguments, seconds of compiling, and its temporaries in MiB."""
    began = time.perf_counter()
    program = jax.jit(function).lower(*arguments).compile()
    seconds = time.perf_counter() - began
    memory = program.memory_analysis()
    return program, seconds, memory.temp_size_in_bytes / 2**20 if memory else float("nan")


def peak_of(call: Call) -> float:
    """MiB by which the process grows at most while `call` runs. Linux; call once before, to compile.

    The high-water mark of the resident set is set back first, and memory that is free already is handed back.
    """
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    jax.block_until_ready(call())
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    """A field of the process's status in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field + ":")).split()[1])


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> str:
    """Date, device, cores and versions: the head of every result."""
    device = jax.devices()[0]
    return (
        f"{time.strftime('%Y-%m-%d')}, {device.device_kind} ({platform.machine()}), {cores()} core(s), "
        f"Python {platform.python_version()}, jax {jax.__version__}"
    )
