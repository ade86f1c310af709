// Starts an empty load, and waits for its end: `start.mjs ID PARTS AT_A_TIME`.
import { Client, Connection } from '@temporalio/client';

const [workflowId, parts, atATime] = process.argv.slice(2);
const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS });
const client = new Client({ connection });
const args = [Number(parts), Number(atATime)];
await client.workflow.execute('emptyLoad', { workflowId, taskQueue: 'empty', args });
process.exit(0);
