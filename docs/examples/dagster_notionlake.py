"""One asset for the whole workspace; its metadata is the report of the load. Dagster begins with the schedule switched off."""

import json
import subprocess

import dagster

# Exit codes of `notionlake run` that a retry does not help: the load is held until
# somebody decides, or the configuration or the token is wrong.
FINAL = {2, 3, 8}


@dagster.asset(retry_policy=dagster.RetryPolicy(max_retries=2, delay=600))
def notion(context: dagster.AssetExecutionContext) -> dagster.MaterializeResult:
    with subprocess.Popen(["notionlake", "run", "--json", "--config", "/etc/notionlake/notionlake.yaml"], stdout=subprocess.PIPE) as run:
        try:
            report = json.loads(run.communicate()[0])
        finally:
            run.terminate()  # where Dagster ends the run: what was read is put aside, for the next one
    if run.returncode:
        raise dagster.Failure("; ".join(report["reasons"]), allow_retries=run.returncode not in FINAL)
    for table in report["tables"]:
        for change in table["schema_changes"]:
            context.log.info("%s: %s %s", table["name"], change["kind"], change["column"])
    return dagster.MaterializeResult(metadata={"load": report["load_id"], "tables": len(report["tables"]), "rows": sum(t["rows"] for t in report["tables"])})


nightly = dagster.ScheduleDefinition(name="nightly", target=dagster.AssetSelection.assets(notion), cron_schedule="0 3 * * *")
definitions = dagster.Definitions(assets=[notion], schedules=[nightly])
