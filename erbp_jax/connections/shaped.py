"""What connections between shapes share: units are flat outside, and their number follows from the shapes."""

import math

from erbp_jax.connections.linear import LinearConnection


class OnShapes(LinearConnection):
    """The sizes of a connection that has an `input_shape` and an `output_shape`."""

    input_shape: tuple[int, ...]

    @property
    def inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return math.prod(self.output_shape)
