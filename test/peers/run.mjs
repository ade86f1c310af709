// `npm run test:peers [-- --without-cli] [--main path/to/main.js]`: third-party clients against the simulated org. They
// share no code with nightload, so they can reveal a misunderstanding that the simulator and nightload share.
import { mkdir, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Checks } from './checks.mjs';
import { NotInstalled } from './install.mjs';
import * as jsforce from './jsforce/client.mjs';
import { runScenario } from './scenario.mjs';
import * as sf from './sf/client.mjs';
import * as simpleSalesforce from './simple-salesforce/client.mjs';
import { startOrg } from './org.mjs';

const { values: options } = parseArgs({
  options: {
    'without-cli': { type: 'boolean', default: false },
    main: { type: 'string', default: fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)) },
  },
});

// Without this, a signal would end only this script and leave the simulator running.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const work = fileURLToPath(new URL('.work/', import.meta.url));
const summary = [];
let failures = 0;
let ran = 0;
for (const { name, install, connect } of [jsforce, simpleSalesforce, sf]) {
  const row = { client: name };
  summary.push(row);
  const checks = new Checks(name);
  try {
    if (name === sf.name && options['without-cli']) throw new NotInstalled('--without-cli');
    const place = `${work}${name}/`;
    await mkdir(place, { recursive: true });
    row.version = await install(place);
    const files = `${place}files/`;
    await rm(files, { recursive: true, force: true });
    await mkdir(files);
    // One org for each: ids, attempts of locked rows and the request log start from zero.
    const org = await startOrg(options.main);
    try {
      await runScenario(await connect({ place, files, url: org.url, token: org.token }), org, checks);
    } finally {
      await org.stop();
    }
    ran++;
  } catch (error) {
    if (error instanceof NotInstalled) {
      console.log(`skipped: ${name}: ${error.message}`);
      row.result = 'skipped';
      continue;
    }
    checks.broken(error);
  }
  failures += checks.failed;
  row.result = `${checks.passed} passed, ${checks.failed} failed`;
}

console.log('');
for (const { client, version = '', result } of summary) {
  console.log(`${client.padEnd(18)}${version.padEnd(10)}${result}`);
}
if (ran === 0) console.log('No client was run.');
process.exitCode = failures > 0 || ran === 0 ? 1 : 0;
