"""Recordings by name."""

from erbp_jax.data.events.folder import Recordings, holds_recordings, recordings
from erbp_jax.data.events.saccades import NAME, digits_saccades


def find_recordings(name: str, data_dir: str | None = None, *, repair: bool = False) -> Recordings | None:
    """`digits_saccades`, which is simulated, or what a folder of that name holds, looked for where MNIST is.

    None if there is no such folder, or one without recordings.

    Example:
        >>> from erbp_jax.data.events import find_recordings
        >>> find_recordings("no_such_set") is None
        True

    Raises:
        UserError: as `recordings`.
    """
    from erbp_jax.data import NAMES, inside
    from erbp_jax.data.mnist import candidates

    if name == NAME:
        return digits_saccades()
    if name in (*NAMES, "idx"):
        return None
    for _, root in candidates(data_dir):
        folder = inside(root, name)
        if folder is not None and folder.is_dir() and holds_recordings(folder):
            return recordings(folder, repair=repair)
    return None
