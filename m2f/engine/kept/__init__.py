"""What a run keeps beside metrics and checkpoints: tables, pictures, attention. Nothing here trains or evaluates."""
