#!/usr/bin/env node
// What: the `tsswitch` command. It runs program.cjs, which the build bundles from run.ts. Who: a shell.

import { fileURLToPath } from 'node:url';
import { runBundle } from './bundle.ts';

runBundle(fileURLToPath(new URL('./program.cjs', import.meta.url)));
