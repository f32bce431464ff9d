"""Time, memory and precision, measured, of ours beside peers: what can be counted is in ``m2f.cost``."""
