"""Every night: four parts of the workspace at the same time, then maintenance."""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

PARTS = 4

with DAG(
    "notionlake",
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,  # Notion has no past: a load of last week cannot be made up for
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
) as dag:
    loads = BashOperator.partial(task_id="load", append_env=True).expand(
        bash_command=["notionlake run --config /etc/notionlake/notionlake.yaml --lock-timeout 10m --shard %d/%d" % (n + 1, PARTS) for n in range(PARTS)]
    )
    maintain = BashOperator(task_id="maintain", bash_command="notionlake maintain --config /etc/notionlake/notionlake.yaml")
    loads >> maintain
