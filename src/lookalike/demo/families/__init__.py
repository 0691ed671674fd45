"""One function a family: a `Bench` in, the pieces of that shoe from back to front out."""
