"""The geometry of connections between maps: which inputs a window covers, how often, and convolution by products.

Maps are `[R, H, W, C]`, rows first and channels last.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

Padding = Literal["same", "valid"]
PADDINGS = ("same", "valid")
TILE = 8
"""Outputs of a line that a product works out at once, at most. A window of t outputs is `stride * (t - 1) + kernel`
wide: few outputs copy the inputs many times, many outputs multiply with zeros. Measured on a CPU."""


@dataclass(frozen=True)
class Windows:
    """Windows of `kernel x kernel` inputs, `stride` apart, on maps of a height and a width.

    "same" pads with silent inputs so that there are `ceil(size / stride)` windows in each direction, the odd one of the
    padding at the end; "valid" has the windows that lie inside, `(size - kernel) // stride + 1`.

    Raises:
        ValueError: a kernel or stride below 1, an unknown padding, or not a single window.
    """

    height: int
    width: int
    kernel: int
    stride: int = 1
    padding: Padding = "same"

    def __post_init__(self) -> None:
        if self.kernel < 1 or self.stride < 1:
            raise ValueError(f"kernel and stride must be at least 1, got {self.kernel} and {self.stride}")
        if self.padding not in PADDINGS:
            raise ValueError(f"padding must be one of {', '.join(PADDINGS)}, got {self.padding!r}")
        if min(self.shape) < 1:
            raise ValueError(f"a window of {self.kernel} does not fit into maps of {self.height} x {self.width}")

    @property
    def shape(self) -> tuple[int, int]:
        """Windows from top to bottom and from left to right."""
        return self._count(self.height), self._count(self.width)

    def _count(self, size: int) -> int:
        return -(-size // self.stride) if self.padding == "same" else (size - self.kernel) // self.stride + 1

    def _before(self, size: int) -> int:
        """Padding in front of the first input."""
        if self.padding == "valid":
            return 0
        return max((self._count(size) - 1) * self.stride + self.kernel - size, 0) // 2

    @cached_property
    def coverage(self) -> np.ndarray:
        """In how many windows each input lies, int32 `[H, W]`."""
        return np.outer(*(self._along(size) for size in (self.height, self.width)))

    def _along(self, size: int) -> np.ndarray:
        first = np.arange(self._count(size)) * self.stride - self._before(size)
        at = np.arange(size)[:, None]
        return ((at >= first) & (at < first + self.kernel)).sum(1, dtype=np.int32)

    def cut(self, maps: jax.Array, outputs: int = 1) -> jax.Array:
        """What the windows see, `[R, Ho, ceil(Wo / outputs), kernel, stride * (outputs - 1) + kernel, C]`.

        Each cut serves `outputs` neighbouring windows of a line; with 1 it is the window itself.
        """
        (down, across), s = self.shape, self.stride
        wide = s * (outputs - 1) + self.kernel
        tiles = -(-across // outputs)
        top, left = self._before(self.height), self._before(self.width)
        bottom = max((down - 1) * s + self.kernel - self.height - top, 0)
        right = max((tiles - 1) * s * outputs + wide - self.width - left, 0)
        maps = jnp.pad(maps, ((0, 0), (top, bottom), (left, right), (0, 0)))
        lines = jnp.stack([maps[:, s * y : s * y + self.kernel] for y in range(down)], 1)
        step = s * outputs
        return jnp.stack([lines[:, :, :, step * x : step * x + wide] for x in range(tiles)], 2)

    def total(self, maps: jax.Array) -> jax.Array:
        """The sum of what every window sees of `maps[R, H, W, C]`, map by map: `[R, Ho, Wo, C]`, in its own type."""
        for axis, size, windows in ((1, self.height, self.shape[0]), (2, self.width, self.shape[1])):
            before, last = self._before(size), self.stride * (windows - 1) + 1
            edges = [(0, 0)] * maps.ndim
            edges[axis] = (before, max(last + self.kernel - 1 - size - before, 0))
            padded = jnp.pad(maps, edges)
            parts = (
                jax.lax.slice_in_dim(padded, first, first + last, self.stride, axis) for first in range(self.kernel)
            )
            maps = sum(parts, jnp.zeros((), maps.dtype))
        return maps

    def at(self, lines: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
        """What every window sees at its entry `(i, j)` of `lines[H, W, ...]`: `[Ho, Wo, ...]`."""
        (down, across), s = self.shape, self.stride
        high, wide = (s * (n - 1) + 1 for n in (down, across))
        edges = []
        for size, reach in ((self.height, high), (self.width, wide)):
            before = self._before(size)
            edges.append((before, max(reach + self.kernel - 1 - size - before, 0)))
        padded = jnp.pad(lines, (*edges, *((0, 0),) * (lines.ndim - 2)))
        starts = (i, j, *(jnp.zeros_like(i),) * (lines.ndim - 2))
        return jax.lax.dynamic_slice(padded, starts, (high, wide, *lines.shape[2:]))[::s, ::s]

    def convolve(self, maps: jax.Array, kernel: jax.Array) -> jax.Array:
        """Cross-correlation of `maps[R, H, W, C]` with `kernel[k, k, C, O]`: `[R, Ho, Wo, O]`. Linear in both.

        One product of all cuts with the kernel written as a band matrix, each output its own shifted copy.
        """
        down, across = self.shape
        outputs = -(-across // -(-across // TILE))
        cuts = self.cut(maps, outputs)
        rows, channels = maps.shape[0], kernel.shape[-1]
        band = self._band(kernel, outputs)
        product = cuts.reshape(-1, band.shape[0]) @ band
        return product.reshape(rows, down, -1, channels)[:, :, :across]

    def _band(self, kernel: jax.Array, outputs: int) -> jax.Array:
        """`kernel[k, k, C, O]` for a cut of `outputs` windows, `[k * wide * C, outputs * O]`."""
        place = np.arange(self.stride * (outputs - 1) + self.kernel)[:, None] - self.stride * np.arange(outputs)
        inside = jnp.asarray((place >= 0) & (place < self.kernel))
        copies = kernel[:, np.clip(place, 0, self.kernel - 1)]  # [k, wide, outputs, C, O]
        band = jnp.where(inside[None, :, :, None, None], copies, 0.0).transpose(0, 1, 3, 2, 4)
        return band.reshape(-1, outputs * kernel.shape[-1])
