"""Asking for versions and models by what is recorded of them: MLflow's filter grammar, and what it lacks."""
