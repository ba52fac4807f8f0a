// What: the directory of the project. Why: the kit runs from its sources in tests and from dist/ in demo and bench,
// and finds its C++ tools and the program in both. Who: native-tool.ts, lab-switch.ts.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : findRoot(dirname(directory));
}
