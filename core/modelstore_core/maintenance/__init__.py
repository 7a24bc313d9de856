"""What looks after a store beside its daily work: nothing here is needed to save or load."""
