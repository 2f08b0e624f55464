"""Bandits: how to split the next units by what is known, what such data still prove, what another policy would earn."""
