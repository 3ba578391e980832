"""What a notebook calls: train, try, look at, save, load. Everything here is public as `erbp_jax.NAME`."""
