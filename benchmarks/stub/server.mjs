// A fast stub of Bulk API 2.0 in a separate process, so that it costs every client the same. It parses nothing: all
// rows have one length, so the size of an upload gives their number, and its first and last keys identify them.
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { FAILED_HEADER, HEADER, KEY, RESULT_HEADER, resultRows } from '../rows.mjs';
import { describeReply } from './describe.mjs';

const jobs = new Map();
const settings = { processMs: 100 };
let requests = {};
/** Never used twice, as on the platform. */
let created = 0;

const json = (reply, status, value) =>
  reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
const refuse = (reply, status, errorCode, message) => json(reply, status, [{ errorCode, message }]);

function textOf(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
    request.on('end', () => resolve(Buffer.concat(chunks).toString()));
  });
}

function infoOf(job) {
  const isDone = job.state === 'UploadComplete' && Date.now() >= job.closedAt + settings.processMs;
  if (isDone) job.state = 'JobComplete';
  const processed = isDone || job.state === 'JobComplete' ? job.rows : 0;
  const { asked, ...info } = job;
  return { ...info, ...asked, jobType: 'V2Ingest', numberRecordsProcessed: processed, numberRecordsFailed: 0 };
}

async function create(request, reply) {
  const asked = JSON.parse(await textOf(request));
  const id = `750Dn${String(++created).padStart(10, '0')}IAA`;
  const createdDate = new Date().toISOString().replace('Z', '+0000');
  const job = { id, state: 'Open', createdById: '005Dn00000000001AA', createdDate, apiVersion: 62.0, asked, rows: 0 };
  jobs.set(id, job);
  json(reply, 200, infoOf(job));
}

/** Counts bytes; reads the first two lines and the last one. */
function upload(job, request, reply) {
  let bytes = 0;
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  request.on('data', (chunk) => {
    bytes += chunk.length;
    if (head.length < 1024) head = Buffer.concat([head, chunk.subarray(0, 1024)]);
    tail = chunk.length >= 1024 ? chunk.subarray(-1024) : Buffer.concat([tail, chunk]).subarray(-1024);
  });
  request.on('end', () => {
    const [header = '', row = ''] = head.toString('latin1').split('\n');
    const isOpen = tail.at(-1) !== 0x0a ? 1 : 0;
    const rows = (bytes + isOpen - header.length - 1) / (row.length + 1);
    const first = Number(KEY.exec(row)?.[1]);
    const last = Number(KEY.exec(tail.toString('latin1').trimEnd().split('\n').at(-1))?.[1]);
    if (!Number.isInteger(rows) || rows < 1 || last - first + 1 !== rows) {
      return refuse(reply, 400, 'InvalidBatch', `${bytes} bytes, rows ${first} to ${last}: no rows of the benchmark`);
    }
    Object.assign(job, { rows, first });
    reply.writeHead(201).end();
  });
}

async function setState(job, request, reply) {
  job.state = JSON.parse(await textOf(request)).state;
  job.closedAt = Date.now();
  json(reply, 200, { ...infoOf(job), numberRecordsProcessed: undefined, numberRecordsFailed: undefined });
}

function results(job, kind, reply) {
  reply.writeHead(200, { 'content-type': 'text/csv' });
  if (kind !== 'successfulResults') return reply.end(kind === 'failedResults' ? FAILED_HEADER : HEADER);
  function* file() {
    yield Buffer.from(RESULT_HEADER, 'latin1');
    yield* resultRows(job.first, job.first + job.rows);
  }
  Readable.from(file(), { objectMode: true, highWaterMark: 2 }).pipe(reply);
}

/**
 * The benchmark's own requests: they change settings, and return the requests and the processor time since the last
 * one.
 */
let cpuBefore = process.cpuUsage();
async function bench(request, reply) {
  Object.assign(settings, JSON.parse((await textOf(request)) || '{}'));
  const { user, system } = process.cpuUsage(cpuBefore);
  json(reply, 200, { requests, cpuSeconds: (user + system) / 1e6 });
  cpuBefore = process.cpuUsage();
  requests = {};
  jobs.clear();
}

function answer(request, reply) {
  const path = request.url.split('?')[0];
  if (path === '/__bench') return bench(request, reply);
  const [, , , version, area, kind, id, part] = path.split('/');
  const what =
    area === 'jobs' ? (part ?? (id ? (request.method === 'GET' ? 'info' : 'state') : 'create')) : (area ?? 'versions');
  requests[what] = (requests[what] ?? 0) + 1;
  if (version === undefined)
    return json(reply, 200, [{ label: 'Summer', url: '/services/data/v62.0', version: '62.0' }]);
  if (area === 'sobjects' && id === 'describe') return json(reply, 200, describeReply(kind));
  if (area !== 'jobs') return refuse(reply, 404, 'NOT_FOUND', path);
  if (id === undefined || id === '') return create(request, reply);
  const job = jobs.get(id);
  if (job === undefined) return refuse(reply, 404, 'NOT_FOUND', `no job ${id}`);
  if (part === 'batches') return upload(job, request, reply);
  if (part !== undefined && part !== '') return results(job, part, reply);
  return request.method === 'GET' ? json(reply, 200, infoOf(job)) : setState(job, request, reply);
}

const server = createServer({ highWaterMark: 1024 * 1024, keepAliveTimeout: 600_000 }, (request, reply) => {
  Promise.resolve(answer(request, reply)).catch((error) => refuse(reply, 500, 'UNKNOWN_EXCEPTION', String(error)));
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
