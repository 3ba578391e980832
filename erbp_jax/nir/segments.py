"""Linear nodes in a row, cut into pieces that are a projection each."""

from typing import Any

import numpy as np

from erbp_jax.errors import UserError
from erbp_jax.nir.discrete import MS
from erbp_jax.nir.graph import Flat
from erbp_jax.nir.nodes import Made, connection, delay_line, wire
from erbp_jax.nir.shapes import Shape, units


class Segment:
    """Nodes that form one projection."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.ahead: str | None = None
        self.flatten: str | None = None
        self.core: str | None = None
        self.behind: str | None = None

    def takes(self, graph: Flat, name: str) -> bool:
        """Take a node, if there is still room for one of its kind."""
        which, node = graph.kind(name), graph.nodes[name]
        if self.behind:
            return False
        if which == "Delay" and np.unique(node.delay).size == 1:
            if not self.names:
                self.ahead = name
            elif self.core and not self.ahead:
                self.behind = name
            else:
                return False
        elif which == "Flatten":
            if self.flatten or self.core:
                return False
            self.flatten = name
        elif self.core or (self.flatten and which not in ("Linear", "Affine")):
            return False
        else:
            self.core = name
        self.names.append(name)
        return True

    def made(self, graph: Flat, given: Shape, from_input: bool, dt: float) -> tuple[Made, tuple[int, int]]:
        """The connection, and the delays in ticks before and behind it."""
        ahead, behind = (
            0 if n is None else int(_ticks(n, graph.nodes[n].delay, dt).max()) for n in (self.ahead, self.behind)
        )
        if self.core is None:
            out = graph.shapes[self.flatten] if self.flatten else given
            return wire(given, out, self.flatten or ""), (ahead, behind)
        node = graph.nodes[self.core]
        if graph.kind(self.core) == "Delay":
            ticks = units(_ticks(self.core, node.delay, dt))
            least = int(ticks.min())
            return delay_line(ticks - least), (ahead + least, behind)
        taken = graph.shapes[self.flatten] if self.flatten else given
        try:
            made = connection(self.core, node, taken, given if self.flatten else None, from_input)
        except ValueError as error:
            raise UserError(f"{self.core}: {error}") from None
        return made, (ahead, behind)


def _ticks(name: str, delay: Any, dt: float) -> np.ndarray:
    ticks = np.asarray(delay, np.float64) * MS / dt
    whole = np.rint(ticks)
    if (ticks < 0).any() or (np.abs(ticks - whole) > 1e-6 * np.maximum(1.0, ticks)).any():
        raise UserError(
            f"{name}: a delay must be a whole number of ticks of {dt:g} ms, got "
            f"{float(np.asarray(delay).ravel()[np.argmax(np.abs(ticks - whole))]) * MS:g} ms"
        )
    return whole.astype(np.int64)
