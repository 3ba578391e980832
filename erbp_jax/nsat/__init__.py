"""The fixed-point machine of the talk (NSAT): 16-bit states, 8-bit weights, shifts and adds, integer-exact."""
