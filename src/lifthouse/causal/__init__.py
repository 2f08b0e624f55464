"""Effects where nobody tossed a coin: propensity scores, estimators, balance, refutation and sensitivity.

Functions work on arrays of units; `lifthouse.results.causal` turns tables into arrays and estimates into tables.
"""
