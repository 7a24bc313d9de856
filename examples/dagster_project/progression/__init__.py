"""A Dagster project in which models of patients' disease are trained, judged, promoted and used."""
