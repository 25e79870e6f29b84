"""What a run has done so far, and how that is shown. Changes nothing of a run."""
