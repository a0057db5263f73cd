"""Measures the product against its peers and against bare limits; `./task bench` runs all of it."""
