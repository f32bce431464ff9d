"""Whether a machine computes rightly, and how fast it trains: each check in a file, on generated images alone."""
