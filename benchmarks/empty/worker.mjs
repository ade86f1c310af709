// A worker for the empty load, with the SDK's defaults.
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';

const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS });
const worker = await Worker.create({
  connection,
  taskQueue: 'empty',
  workflowsPath: fileURLToPath(new URL('workflows.js', import.meta.url)),
  activities: { step: async () => undefined },
});
process.once('SIGTERM', () => worker.shutdown());
console.log('ready');
await worker.run();
await connection.close();
