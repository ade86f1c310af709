/** Sends jobs as another program would, or as a run of a load that was lost in a restore. */
import { expect } from 'vitest';
import type { Simulator } from '../../src/simulator/index.js';

type Call = (method: string, path: string, body: string, type?: string) => Promise<unknown>;

const callOf =
  (org: Simulator, token: string): Call =>
  async (method, path, body, type = 'application/json') => {
    const reply = await fetch(`${org.url}/services/data/v66.0/jobs/ingest${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body,
    });
    expect(reply.ok).toBe(true);
    return method === 'PUT' ? undefined : reply.json();
  };

export interface Spec {
  object?: string;
  operation?: string;
  externalIdFieldName?: string;
}

/** @returns id of a job that stays Open */
export async function openJob(org: Simulator, spec: Spec = {}, token = org.token): Promise<string> {
  const body = { object: 'Account', operation: 'insert', contentType: 'CSV', ...spec };
  return ((await callOf(org, token)('POST', '', JSON.stringify(body))) as { id: string }).id;
}

/** So that it does not stay Open. */
export async function endJob(org: Simulator, id: string): Promise<void> {
  await callOf(org, org.token)('PATCH', `/${id}`, JSON.stringify({ state: 'Aborted' }));
}

/** @returns its id, when it is complete */
export async function sendJob(org: Simulator, csv: string, spec: Spec = {}, token = org.token): Promise<string> {
  const call = callOf(org, token);
  const id = await openJob(org, spec, token);
  await call('PUT', `/${id}/batches`, csv, 'text/csv');
  await call('PATCH', `/${id}`, JSON.stringify({ state: 'UploadComplete' }));
  await expect.poll(() => org.jobs().find(({ settings }) => settings.id === id)?.state).toBe('JobComplete');
  return id;
}
