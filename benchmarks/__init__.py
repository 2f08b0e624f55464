"""Speed and memory of lifthouse, measured against references that run beside it: see README.md."""
