"""A sensor on a store, and what depends on an alias in it; ticked as Dagster's daemon does."""

from typing import Any

import dagster as dg
from tests.dagster.harness import Platform

from dagster_modelstore import alias_asset, build_modelstore_sensor, model_asset

MODEL = model_asset("risk.churn")
CHAMPION = alias_asset(MODEL)


@dg.asset(ins={"model": dg.AssetIn(CHAMPION.key)})
def scores(model: str) -> str:
    return model


SCORING = dg.define_asset_job("scoring", [scores])
SENSOR = build_modelstore_sensor(target=SCORING, aliases=["champion"])


class Watch:
    """The daemon's part: it hands the cursor on, and keeps what the sensor asked for."""

    def __init__(self, platform: Platform, sensor: dg.SensorDefinition = SENSOR, *assets: Any) -> None:
        self.platform = platform
        self.sensor = sensor
        self.cursor: str | None = None
        self.defs = dg.Definitions(
            assets=[MODEL, CHAMPION, scores, *assets], jobs=[SCORING], sensors=[sensor], resources=platform.resources
        )

    def tick(self, *, interrupted: bool = False) -> dg.SensorResult:
        with dg.build_sensor_context(
            instance=self.platform.instance,
            cursor=self.cursor,
            definitions=self.defs,
            resources={"modelstore": self.platform.resources["modelstore"]},
            sensor_name=self.sensor.name,
        ) as context:
            result = self.sensor(context)
        assert isinstance(result, dg.SensorResult)
        for event in result.asset_events:
            self.platform.instance.report_runless_asset_event(event)
        if not interrupted:
            self.cursor = result.cursor
        return result


def keys(result: dg.SensorResult) -> list[str | None]:
    return [request.run_key for request in result.run_requests or ()]


def told(result: dg.SensorResult) -> list[tuple[str, str]]:
    return [(e.asset_key.to_user_string(), str(e.metadata["modelstore/ref"].value)) for e in result.asset_events]
