"""How much memory there is, and what asks for too much of it."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from erbp_jax.errors import UserError

SHARE = 0.8
"""Of the memory that a process may have; the rest is for programs, compilation and copies."""


class Part(NamedTuple):
    """What will take memory, in whole bytes."""

    key: str  # of the config, with what multiplies it
    what: str
    size: int


def there() -> int:
    """Bytes of memory that this process may have: the machine's, or what its control group allows."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _limits():
        try:
            text = limit.read_text().strip()
        except OSError:
            continue
        if text.isdecimal():
            found.append(int(text))
    return min(found)


def _limits() -> Iterator[Path]:
    """Files that may hold the limit of this process's control group, of both versions of these."""
    root = Path("/sys/fs/cgroup")
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        groups = []
    for line in ("0::/", "1:memory:/", *groups):
        _, controllers, group = line.split(":", 2)
        if not controllers:
            yield root / group.lstrip("/") / "memory.max"
        elif "memory" in controllers.split(","):
            yield root / "memory" / group.lstrip("/") / "memory.limit_in_bytes"


def refuse_beyond(parts: Sequence[Part], limit: int, of: str) -> None:
    """
    Raises:
        UserError: the parts do not fit into `limit` bytes; names the largest.
    """
    wanted = sum(part.size for part in parts)
    if wanted <= limit:
        return
    largest = max(parts, key=lambda part: part.size)
    raise UserError(
        f"{largest.key}: {of} takes at least {size(wanted)} of memory, {size(limit)} can be used; most of it, "
        f"{size(largest.size)}, for {largest.what}"
    )


def size(count: int) -> str:
    """Bytes as people read them."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    power = min((len(str(count)) - 1) // 3, len(units) - 1)
    return f"{count / 1000**power:,.4g} {units[power]}"
