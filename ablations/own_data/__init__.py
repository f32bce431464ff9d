"""A data set of one's own: what is in it, the config that fits it and this machine, and its training."""
