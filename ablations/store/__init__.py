"""What is on the disk: runs, who holds them, what they left. Nothing here starts a run or judges a number."""
