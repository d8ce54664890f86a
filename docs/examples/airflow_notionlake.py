"""Every night: four parts of the workspace at the same time, then maintenance.

On Sundays all of it: pages that are no rows, and rollups over rows of another part, are read by a load of the whole
workspace only. Let that go first.
"""

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
    loads = BashOperator.partial(task_id="load").expand(
        bash_command=["notionlake run --config /etc/notionlake/notionlake.yaml --lock-timeout 10m --shard %d/%d" % (n + 1, PARTS) for n in range(PARTS)]
    )
    maintain = BashOperator(task_id="maintain", bash_command="notionlake maintain --config /etc/notionlake/notionlake.yaml")
    loads >> maintain

with DAG("notionlake_whole", schedule="0 12 * * 0", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1):
    BashOperator(task_id="load", bash_command="notionlake run --config /etc/notionlake/notionlake.yaml --lock-timeout 2h")
