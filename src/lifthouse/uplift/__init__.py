"""Uplift: who to treat, how honestly that is known, and what it is worth. Arrays in, frozen dataclasses out."""
