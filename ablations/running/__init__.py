"""Carrying a plan out, here or on a cluster, and showing how far it is. What a number means is not known here."""
