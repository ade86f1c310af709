/** A job as somebody else sends it, or a run of a load that was restored away. */
import { expect } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';

/** @returns its id, once it is complete */
export async function sendJob(org: Simulator, csv: string): Promise<string> {
  const call = async (method: string, path: string, body: string, type = 'application/json'): Promise<unknown> => {
    const reply = await fetch(`${org.url}/services/data/v66.0/jobs/ingest${path}`, {
      method,
      headers: { authorization: `Bearer ${org.token}`, 'content-type': type },
      body,
    });
    expect(reply.ok).toBe(true);
    return method === 'PUT' ? undefined : reply.json();
  };
  const spec = { object: 'Account', operation: 'insert', contentType: 'CSV' };
  const { id } = (await call('POST', '', JSON.stringify(spec))) as { id: string };
  await call('PUT', `/${id}/batches`, csv, 'text/csv');
  await call('PATCH', `/${id}`, JSON.stringify({ state: 'UploadComplete' }));
  await expect.poll(() => org.jobs().find(({ settings }) => settings.id === id)?.state).toBe('JobComplete');
  return id;
}
