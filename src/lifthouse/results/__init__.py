"""Result tables from moments and registry: pure functions of data frames, called by the Python models."""
