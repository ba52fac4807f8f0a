// What: runs a bundled program from the code that V8 compiled for it at build time. Why: reading and compiling the
// gRPC library takes longer than most commands; from the cache it takes a fraction. Who: main.ts, and the build, which
// writes the cache. V8 itself checks that the cache fits its version and the source, and compiles anew when not.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';

/** Where the compiled code of a bundle lies. */
export function cachePath(bundlePath: string): string {
  return `${bundlePath}.cache`;
}

/**
 * Runs a CommonJS bundle, in which `importModule()` stands for `import()`: code from a cache cannot import. The script
 * that it returns can make its cache, best when the program has done its work.
 */
export function runBundle(path: string): vm.Script {
  const cache = cachePath(path);
  const script = new vm.Script(
    `(function (require, __filename, importModule) {${readFileSync(path, 'utf8')}\n})`,
    { filename: path, ...(existsSync(cache) ? { cachedData: readFileSync(cache) } : {}) },
  );
  const importModule = (specifier: string) => import(pathToFileURL(resolve(dirname(path), specifier)).href);
  script.runInThisContext()(createRequire(path), path, importModule);
  return script;
}
