"""Pictures: rasters, weights, learning curves. Needs the `plot` extra."""
