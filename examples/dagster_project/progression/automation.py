"""What people launch, and what starts by itself."""

import dagster as dg

from dagster_modelstore import build_collect_job, build_modelstore_sensor, build_promote_job, build_rollback_job
from modelstore_core import CheckPassed, Event
from progression.assets import AGES, expected, progression

promote_model = build_promote_job(model="progression", alias="champion-older", gates=[CheckPassed("gate")])
rollback_model = build_rollback_job(model="progression", alias="champion-older")
collect_models = build_collect_job(keep=50)

train = dg.define_asset_job("train", [progression])
score = dg.define_asset_job("score", [expected], executor_def=dg.in_process_executor)


@dg.schedule(job=train, cron_schedule="0 6 * * 1")
def retrain_on_mondays() -> list[dg.RunRequest]:
    """Train the model of each age group anew; nothing is promoted by itself."""
    return [dg.RunRequest(run_key=None, partition_key=group) for group in AGES.get_partition_keys()]


def of_group(event: Event) -> dg.RunRequest | None:
    """The scoring of the age group whose champion has changed."""
    name, _, group = (event.alias or "").partition("-")
    return dg.RunRequest(partition_key=group) if name == "champion" and AGES.has_partition_key(group) else None


score_upon_promotion = build_modelstore_sensor(
    name="score_upon_promotion",
    target=score,
    models="progression",
    request=of_group,
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
