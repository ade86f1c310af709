"""Starts a load by name and waits for it: python start_load.py file:///data/accounts.csv accounts-2026-11-26"""

import asyncio
import os
import sys

from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError


async def main(source: str, load_id: str) -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    handle = await client.start_workflow(
        "bulkLoad",
        {
            "source": source,
            "object": "Account",
            "operation": "upsert",
            "externalIdFieldName": "External_Id__c",
        },
        id=f"bulk-load/{load_id}",
        task_queue="nightload",
        # Prevents an accidental second start of a completed load; a failed or canceled one may be started again.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    )
    try:
        result = await handle.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        # The error of a failed load contains its result.
        result = error.cause.details[0]
    print(f"{result['state']}: {result['records']['succeeded']} of {result['records']['total']} landed")
    if "rejected" in result["files"]:
        print(f"rejected rows: {result['files']['rejected']}")
    # The SDK's threads can crash a program that exits right after a call (temporalio/sdk-python#300).
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
