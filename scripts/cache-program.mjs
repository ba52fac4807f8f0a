// What: writes the code cache of the bundled CLI. Why: what V8 compiled for one run, later runs need not compile. Who:
// build.mjs runs it as a process of its own. It runs a command that goes all the way to the (absent) switch.

import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { cachePath, runBundle } = await import(join(root, 'dist/cli/bundle.js'));

const bundle = join(root, 'dist/cli/program.cjs');
process.argv = [process.execPath, bundle, '--socket', join(root, 'dist/no-switch'), 'show'];
const script = runBundle(bundle);
process.once('exit', () => {
  writeFileSync(cachePath(bundle), script.createCachedData());
  process.exitCode = 0; // "no switch answers" was the wanted answer
});
