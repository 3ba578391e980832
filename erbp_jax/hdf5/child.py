"""The process that reads an HDF5 file for another one: `python child.py PATH`.

It imports nothing of the package, so that it starts fast. A request is a line of JSON, `[what, arguments]`. An answer
is its size (8 bytes, little endian), a mark (`.`, or `!` in front of an error's text) and what was asked for. It ends
with its input.
"""

import io
import json
import signal
import sys
from typing import Any

MOST_BYTES = 2**31
"""Of one answer, and of the memory that an array takes."""
MOST_MEMORY = 2**34
MOST_OBJECTS, MOST_DEPTH = 2**16, 64


class RefusedError(Exception):
    """A message in words."""


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    _limit_memory()
    file: Any = None
    for line in sys.stdin.buffer:
        try:
            what, arguments = json.loads(line)
            file = file or opened(sys.argv[1])
            answer = b"." + ANSWERS[what](file, **arguments)
        except RefusedError as error:
            answer = b"!" + str(error).encode("utf-8", "replace")
        except Exception as error:  # h5py raises what it likes
            text = f"damaged: HDF5's library reports {type(error).__name__}: {' '.join(str(error).split())}"
            answer = b"!" + text.encode("utf-8", "replace")
        sys.stdout.buffer.write(len(answer).to_bytes(8, "little") + answer)
        sys.stdout.buffer.flush()


def opened(path: str) -> Any:
    import h5py

    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise RefusedError(f"is not HDF5, or is cut off ({error})") from None


def names(file: Any) -> bytes:
    return json.dumps(sorted(map(str, file))).encode()


def about(file: Any, name: str) -> bytes:
    import h5py

    found = file.get(name)
    if not isinstance(found, h5py.Dataset):
        return b"null"
    return json.dumps([list(found.shape or ()), str(found.dtype), found.dtype.kind]).encode()


def arrays(file: Any, names: list[str], at: int | None) -> bytes:
    import numpy as np

    stream = io.BytesIO()
    for name in names:
        found = file[name]
        _check_size(found if at is None else found.dtype, name)
        np.save(stream, np.asarray(found[()] if at is None else found[at]), allow_pickle=False)
    return stream.getvalue()


def copy(file: Any, name: str) -> bytes:
    import h5py

    stream, number = io.BytesIO(), 0
    with h5py.File(stream, "w") as new:
        left = [(name, file[name], 0)]
        while left:
            path, item, depth = left.pop()
            number += 1
            if number > MOST_OBJECTS or depth > MOST_DEPTH:
                raise RefusedError(f"more than {MOST_OBJECTS:,} objects, or {MOST_DEPTH} groups one in another")
            if isinstance(item, h5py.Group):
                new.require_group(path)
                left += [(f"{path}/{key}", item[key], depth + 1) for key in item]
            else:
                _check_size(item, path)
                new.create_dataset(path, data=item[()], dtype=item.dtype)
    return stream.getvalue()


def _check_size(found: Any, name: str) -> None:
    size = found.nbytes if hasattr(found, "nbytes") else found.itemsize
    if size > MOST_BYTES:
        raise RefusedError(f"{name} declares {size:,} bytes, more than {MOST_BYTES:,}")


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most == resource.RLIM_INFINITY or most > MOST_MEMORY:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, most))


ANSWERS = {"names": names, "about": about, "arrays": arrays, "copy": copy}

if __name__ == "__main__":
    main()
