// What: the version of this program, from package.json. Why: it stands in one place. Who: main.ts and the CLI.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** For example "0.1.0". */
export function programVersion(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  // Two folders up from the source, three from dist/.
  while (directory !== dirname(directory)) {
    const version = packageVersion(directory);
    if (version !== undefined) return version;
    directory = dirname(directory);
  }
  throw new Error('package.json of tsswitch is missing');
}

function packageVersion(directory: string): string | undefined {
  try {
    const content = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    return content.name === 'tsswitch' ? content.version : undefined;
  } catch {
    return undefined; // no package.json here
  }
}
