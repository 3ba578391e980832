"""What connections between maps share: units are flat outside and `(H, W, C)` inside, the channel the fastest."""

from erbp_jax.connections.shaped import OnShapes
from erbp_jax.connections.windows import Windows


class OnMaps(OnShapes):
    """The sizes of a connection with an `input_shape`, `windows` and, as outputs, `channels` maps."""

    input_shape: tuple[int, int, int]
    windows: Windows
    channels: int

    @property
    def output_shape(self) -> tuple[int, int, int]:
        return (*self.windows.shape, self.channels)

    def _check_windows(self) -> None:
        try:
            _ = self.windows
        except ValueError as error:
            raise ValueError(f"{type(self).__name__}: {error}") from None
