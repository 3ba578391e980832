"""Recordings of event cameras and other address-event sensors: read, checked, cut into ticks."""

from erbp_jax.data.events.aedat31 import read_aedat31
from erbp_jax.data.events.augment import Augment
from erbp_jax.data.events.bins import Binned, Bins
from erbp_jax.data.events.events import Events, in_order
from erbp_jax.data.events.folder import Recordings, recordings
from erbp_jax.data.events.hdf5 import HDF5Recordings, write_hdf5
from erbp_jax.data.events.hot import hot_pixels, without
from erbp_jax.data.events.named import find_recordings
from erbp_jax.data.events.nmnist import read_bin, write_bin
from erbp_jax.data.events.packed import from_recordings
from erbp_jax.data.events.saccades import Camera, digits_saccades
from erbp_jax.data.events.structured import NpzRecordings, Structured, from_structured, write_npz

__all__ = [
    "Augment",
    "Binned",
    "Bins",
    "Camera",
    "Events",
    "HDF5Recordings",
    "NpzRecordings",
    "Recordings",
    "Structured",
    "digits_saccades",
    "find_recordings",
    "from_recordings",
    "from_structured",
    "hot_pixels",
    "in_order",
    "read_aedat31",
    "read_bin",
    "recordings",
    "without",
    "write_bin",
    "write_hdf5",
    "write_npz",
]
