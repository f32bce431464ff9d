"""Names of what a run keeps beside its metrics; whoever reads it needs no model."""

PER_CLASS = "per_class.csv"
PER_IMAGE = "per_image.csv"
IMAGE_PARTS = "image_parts.npz"
SAMPLES = "samples"
ATTENTION = "attention"
