"""Who is compared: a title for the tables, how it is opened, and in which environment."""

from dataclasses import dataclass

__all__ = ["CONTENDERS", "Contender"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One of those that are compared.

    Attributes:
        title: What the tables call it.
        opener: `module:function` of `benchmarks.subjects`.
        environment: "ours", or a peer's.
    """

    title: str
    opener: str
    environment: str = "ours"


def _at(title: str, opener: str, environment: str = "ours") -> Contender:
    return Contender(title=title, opener=f"benchmarks.subjects.{opener}", environment=environment)


CONTENDERS = {
    "joblib": _at("joblib", "of_files:joblib_plain"),
    "joblib_hashed": _at("joblib + sha256", "of_files:joblib_hashed"),
    "boto3": _at("joblib + boto3", "of_files:boto3_joblib"),
    "cp": _at("cp", "of_files:cp"),
    "obstore": _at("obstore, raw", "of_files:obstore_raw"),
    "ours": _at("**modelstore-pipelines**", "of_ours:objects"),
    "ours_files": _at("**modelstore-pipelines**, a file", "of_ours:files"),
    "ours_promotions": _at("**modelstore-pipelines**, promotions", "of_ours:promotions"),
    "ours_dagster": _at("**modelstore-pipelines**, IO manager", "of_ours_in_dagster:models"),
    "modelstore": _at("modelstore (operatorai)", "of_modelstore:objects", "modelstore"),
    "mlflow": _at("MLflow, at its best", "of_mlflow:at_its_best", "mlflow"),
    "mlflow_documented": _at("MLflow, as documented", "of_mlflow:as_documented", "mlflow"),
    "dagster": _at("Dagster's IO manager", "of_dagster:pickles", "dagster"),
}
