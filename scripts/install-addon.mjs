// What: the npm "install" script of the published package. Why: the tarball carries an addon that was built for one
// platform; on another one it is built from source here. Who: npm, after it unpacked the package.
// Invariant: does nothing when an addon loads, and nothing in a git checkout, where setup.mjs builds.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

function loads(path) {
  try {
    require(join(root, path));
    return true;
  } catch {
    return false; // absent, or built for another platform
  }
}

function buildFromSource() {
  const nodeGyp = process.env['npm_config_node_gyp'];
  if (nodeGyp === undefined) return "run 'npm rebuild tsswitch', so that npm lends its node-gyp";
  const nodeDirectory = dirname(dirname(process.execPath));
  const headers = existsSync(join(nodeDirectory, 'include/node/node_api.h'))
    ? [`--nodedir=${nodeDirectory}`]
    : [];
  const { status } = spawnSync(process.execPath, [nodeGyp, 'rebuild', ...headers], {
    cwd: join(root, 'native'),
    stdio: 'inherit',
  });
  return status === 0
    ? ''
    : "install python3, make and g++ (on Debian: 'apt-get install python3 make g++') and try again";
}

const candidates = [
  'native/build/Release/tsswitch.node',
  `prebuilds/${process.platform}-${process.arch}/tsswitch.node`,
];
if (!existsSync(join(root, '.git')) && !candidates.some(loads)) {
  const advice =
    process.platform === 'linux' ? buildFromSource() : 'use Linux, the only system that it runs on';
  if (advice !== '') {
    console.error(`tsswitch: the native addon could not be built: ${advice}.`);
    process.exit(1);
  }
}
