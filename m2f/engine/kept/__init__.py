"""Tables, pictures and attention that a run keeps beside its metrics: nothing here starts a training or evaluation."""
