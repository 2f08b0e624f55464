"""`lifthouse plan`: experiments planned from published results."""
