"""The statistics of experiments: pure functions of a few thousand rows of moments, no dbt and no I/O."""
