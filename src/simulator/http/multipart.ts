/** A create that includes its rows: `multipart/form-data` with the parts `job` and `content`. */
import { parseJson, Refusal } from './http.js';

/** Maximum characters of CSV in such a request. */
const MAX_CHARACTERS = 100_000;

export interface MultipartJob {
  job: Record<string, unknown>;
  content: Buffer;
}

/** The parts of such a body; undefined for another content type. @throws Refusal if a part is missing or too long */
export function readMultipart(contentType: string | undefined, body: Buffer): MultipartJob | undefined {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined) return undefined;
  const parts = new Map<string, Buffer>();
  const mark = Buffer.from(`--${boundary}`);
  for (let at = body.indexOf(mark); at !== -1;) {
    const next = body.indexOf(mark, at + mark.length);
    if (next === -1) break;
    const part = body.subarray(at + mark.length, next);
    const headersEnd = part.indexOf('\r\n\r\n');
    const name = /name="([^"]+)"/.exec(part.toString('utf8', 0, headersEnd))?.[1];
    // The line break before the next boundary belongs to it.
    if (headersEnd !== -1 && name !== undefined) parts.set(name, part.subarray(headersEnd + 4, part.length - 2));
    at = next;
  }
  const [job, content] = [parts.get('job'), parts.get('content')];
  if (job === undefined || content === undefined) {
    throw new Refusal(400, 'INVALIDJOB', 'InvalidJob : A multipart request needs the parts job and content');
  }
  if (content.toString('utf8').length > MAX_CHARACTERS) {
    throw new Refusal(400, 'INVALIDJOB', `InvalidJob : The content part is longer than ${MAX_CHARACTERS} characters`);
  }
  return { job: parseJson(job.toString('utf8')), content };
}
