// What: makes a bare clone ready: installs npm packages, checks the compiler, builds. Why: `npm test`, `npm run demo`
// and `npm run bench` must each work as the first command after `git clone`. Who: npm runs it before those scripts.
// Invariant: uses only what Node brings, because it runs before anything is installed. Says nothing when there is
// nothing to do.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Command -> the Debian package that brings it. Without these nothing can be built. */
const BUILD_TOOLS = { python3: 'python3', make: 'make', 'g++': 'g++' };
/** Without these the switch runs, but its demo and its system tests do not. */
const LAB_TOOLS = { ip: 'iproute2', ethtool: 'ethtool', ping: 'iputils-ping' };

function fail(sentence) {
  console.error(`tsswitch setup: ${sentence}`);
  process.exit(1);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isOnPath(command) {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.some((directory) => isExecutable(join(directory, command)));
}

function missingPackages(tools) {
  return Object.entries(tools)
    .filter(([command]) => !isOnPath(command))
    .map(([, debianPackage]) => debianPackage);
}

/** Installs Debian packages when this process may; false when it may not or when apt-get failed. */
function aptInstall(packages) {
  if (process.getuid() !== 0 || !isOnPath('apt-get')) return false;
  console.log(`Installing ${packages.join(', ')} with apt-get ...`);
  const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const install = () => spawnSync('apt-get', ['install', '-y', ...packages], options).status === 0;
  return install() || (spawnSync('apt-get', ['update'], options).status === 0 && install());
}

function needTools() {
  const forBuild = missingPackages(BUILD_TOOLS);
  if (forBuild.length > 0 && !aptInstall(forBuild)) {
    fail(
      `the native addon cannot be built: run 'apt-get install ${forBuild.join(' ')}' as root, then try again.`,
    );
  }
  const forLab = missingPackages(LAB_TOOLS);
  if (forLab.length > 0 && !aptInstall(forLab)) {
    console.error(
      `tsswitch setup: the demo and the system tests need 'apt-get install ${forLab.join(' ')}', run as root.`,
    );
  }
}

function installPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  const wanted = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  console.log('Installing npm packages ...');
  // Install scripts of dependencies are not needed, and the addon of this package is built below.
  const arguments_ = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync('npm', arguments_, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) fail(`npm cannot be started (${error.message}): install npm and try again.`);
  if (status !== 0) fail("'npm ci' failed, see above: check that the npm registry can be reached.");
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Node ${process.versions.node} is too old: install Node 20.19 or later.`);
}
if (process.platform !== 'linux') fail(`tsswitch runs on Linux only, not on ${process.platform}.`);
installPackages();
needTools();
await import('./build.mjs');
