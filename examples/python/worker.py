"""A worker with a Python workflow that runs a load as its child."""

import asyncio
import os

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker


@workflow.defn(name="accountsOfTheNight")
class AccountsOfTheNight:
    @workflow.run
    async def run(self, source: str, night: str) -> str:
        # nightload's own worker runs it; canceling this workflow cancels the load.
        result = await workflow.execute_child_workflow(
            "bulkLoad",
            {
                "source": source,
                "object": "Account",
                "operation": "upsert",
                "externalIdFieldName": "External_Id__c",
            },
            id=f"bulk-load/accounts-{night}",
            task_queue="nightload",
        )
        return f"{result['state']}: {result['records']['succeeded']} of {result['records']['total']}"


async def main() -> None:
    client = await Client.connect(
        os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"),
        namespace=os.environ.get("TEMPORAL_NAMESPACE", "default"),
    )
    await Worker(client, task_queue="python", workflows=[AccountsOfTheNight]).run()


# The sandbox imports this file again for its workflows.
if __name__ == "__main__":
    asyncio.run(main())
