"""What connections between maps share: units are flat outside and `(H, W, C)` inside, the channel the fastest."""

import math

from erbp_jax.connections.linear import LinearConnection
from erbp_jax.connections.windows import Windows


class OnMaps(LinearConnection):
    """The sizes of a connection with an `input_shape`, `windows` and, as outputs, `channels` maps."""

    input_shape: tuple[int, int, int]
    windows: Windows
    channels: int

    @property
    def output_shape(self) -> tuple[int, int, int]:
        return (*self.windows.shape, self.channels)

    @property
    def inputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return math.prod(self.output_shape)

    def _check_windows(self) -> None:
        try:
            _ = self.windows
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from None
