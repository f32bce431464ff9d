"""Training and evaluation of one config: no model, data set or metric here, and nothing of studies or stores."""
