/** A request, and its possible replies. */
import type { RequestKind } from './call-context.js';
import type { UploadBody } from './upload-body.js';
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestFacts } from '../errors/to-salesforce-error.js';
import type { Readable } from 'node:stream';
import type { Deadline } from '../../runtime/deadline.js';

export interface Call {
  kind: RequestKind;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  path: string;
  accept: string;
  /** Moves a file, so that the reply may take longer. */
  transfer?: boolean;
  /** Called each time the request is sent. */
  body?: () => { type: string; content: string | UploadBody };
}

/** The status and headers of a successful reply. */
export interface ReplyHead {
  status: number;
  headers: IncomingHttpHeaders;
  facts: RequestFacts;
}

export interface TextReply extends ReplyHead {
  text: string;
}

/** A body that is still to come; it must be read or destroyed. */
export interface OpenReply extends ReplyHead {
  /** Decoded. */
  body: Readable;
  /** Bytes of the body, if the platform reports it. */
  length?: number;
  deadline: Deadline;
}
