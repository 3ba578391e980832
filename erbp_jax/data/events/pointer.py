"""What lies in place of data where Git LFS was not run."""

from pathlib import Path

from erbp_jax.archive import open_regular, read_bytes
from erbp_jax.errors import UserError


def refuse_pointer(content: bytes, name: str) -> None:
    """Refuse a pointer of Git LFS.

    Raises:
        UserError: it is one; says how the data is had.
    """
    if content.startswith(b"version https://git-lfs.github.com/spec/"):
        raise UserError(f"{name}: is a pointer of Git LFS, not the data; `git lfs pull` in its repository fetches it")


def read_text(path: Path | str, most: int) -> str:
    """A table or a list beside the data, of at most `most` bytes; what is not UTF-8 is marked.

    Raises:
        UserError: with the path: missing, too large, a pointer of Git LFS.
    """
    content = read_bytes(path, most)
    refuse_pointer(content, str(path))
    return content.decode("utf-8-sig", "replace")


def refuse_pointer_file(path: Path, most: int) -> None:
    """As `refuse_pointer`, of a file that another library is going to read.

    Raises:
        UserError: with the path: missing, no file, of more than `most` bytes, a pointer of Git LFS.
    """
    with open_regular(path, most) as stream:
        refuse_pointer(stream.read(200), str(path))
