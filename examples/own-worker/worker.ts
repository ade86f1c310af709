/** Your own worker, which also runs loads. It takes TEMPORAL_* and SF_* from the environment. */
import { fileURLToPath } from 'node:url';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';
import { NightloadPlugin } from 'nightload/worker';
import * as activities from './activities.js';

const { connectionOptions, namespace = 'default' } = loadClientConnectConfig();
const connection = await NativeConnection.connect(connectionOptions);
const worker = await Worker.create({
  connection,
  namespace,
  taskQueue: 'my-team',
  workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  activities,
  shutdownGraceTime: '20s',
  plugins: [new NightloadPlugin({ roots: [process.env['EXPORTS'] ?? process.cwd()] })],
});
await worker.run();
await connection.close();
