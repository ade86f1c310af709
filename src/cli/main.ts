#!/usr/bin/env node
/** The `nightload` command. */
import { existsSync } from 'node:fs';
import { limitMemory } from './memory-settings.js';

/** Commands that run a worker or a server: they load Temporal's worker, of which the bundle has no part. */
const UNBUNDLED = new Set(['codec-server', 'demo', 'dev', 'rehearse', 'simulator', 'worker']);

/** Commands that run until they are stopped. */
const LASTING = new Set(['dev', 'worker']);

/** All modules of the other commands in a few files, since from hundreds a load starts a third later. */
const bundled = new URL('../command/run.js', import.meta.url);

const command = process.argv[2] ?? '';
if (LASTING.has(command)) limitMemory();
const isBundled = !UNBUNDLED.has(command) && existsSync(bundled);
await import(isBundled ? bundled.href : './run.js');
