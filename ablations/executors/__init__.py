"""Ways to carry out runs, one function each, all with one signature."""
