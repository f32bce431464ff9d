"""What is measured: time and memory of works, ours and the peers'. What can be counted is in ``m2f.cost``."""
