"""A fixer in Python: nightload load ... --fixer correctAccounts@python-fixer

The worker of nightload must permit it: NIGHTLOAD_FIXERS=correctAccounts@python-fixer
"""

import asyncio
import csv
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker


@activity.defn(name="correctAccounts")
def correct_accounts(failed: dict) -> dict | None:
    """Gives a name to every account without one; other errors are left to people."""
    source = Path(url2pathname(urlparse(failed["source"]).path))
    with source.open(newline="", encoding="utf-8") as file:
        rows = [
            {**row, "Name": "Unknown"}
            for row in csv.DictReader(file)
            if row["sf__Error"].startswith("REQUIRED_FIELD_MISSING") and not row["Name"]
        ]
    if not rows:
        return None
    # Next to the results, where nightload's worker may read.
    corrected = source.with_name(f"corrected-{activity.info().activity_id}.csv")
    with corrected.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return {"source": corrected.as_uri()}


async def main() -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    with ThreadPoolExecutor() as threads:
        await Worker(
            client, task_queue="python-fixer", activities=[correct_accounts], activity_executor=threads
        ).run()


if __name__ == "__main__":
    asyncio.run(main())
