#!/usr/bin/env node
/** The `nightload` command. */
import { existsSync } from 'node:fs';

/** Commands that run a worker or a server: they load Temporal's worker, of which the bundle has no part. */
const UNBUNDLED = new Set(['codec-server', 'demo', 'dev', 'rehearse', 'simulator', 'worker']);

/** All modules of the other commands in a few files, since from hundreds a load starts a third later. */
const bundled = new URL('../command/run.js', import.meta.url);

const isBundled = !UNBUNDLED.has(process.argv[2] ?? '') && existsSync(bundled);
await import(isBundled ? bundled.href : './run.js');
