"""Starts a load by its name and waits for it: python start_load.py file:///data/accounts.csv accounts-2026-11-26"""

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
        # A load that completed is not started again by accident; one that failed or was canceled may be.
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    )
    try:
        result = await handle.result()
    except WorkflowFailureError as error:
        if not isinstance(error.cause, ApplicationError):
            raise
        # The result of a load that failed comes with the error.
        result = error.cause.details[0]
    print(f"{result['state']}: {result['records']['succeeded']} of {result['records']['total']} landed")
    if "rejected" in result["files"]:
        print(f"rejected rows: {result['files']['rejected']}")
    # A program that ends right after a call can be crashed by the SDK's threads (temporalio/sdk-python#300).
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
