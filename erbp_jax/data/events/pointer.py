"""What lies in the place of data where Git LFS was not run."""

from erbp_jax.errors import UserError


def refuse_pointer(content: bytes, name: str) -> None:
    """Refuse a pointer of Git LFS.

    Raises:
        UserError: it is one; says how the data is had.
    """
    if content.startswith(b"version https://git-lfs.github.com/spec/"):
        raise UserError(f"{name}: is a pointer of Git LFS, not the data; `git lfs pull` in its repository fetches it")
