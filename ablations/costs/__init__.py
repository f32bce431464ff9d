"""What rows cost, counted or timed, beside the paper's numbers and other programs'; no result of a training is here."""
