// What: builds the addon, the protobuf code and the JavaScript in dist/. Why: one command, and a repeated one does
// only what is stale (well under a second when nothing is). Who: `npm run build`, setup.mjs, and `npm pack` with
// --prebuild, which copies the addon to prebuilds/ so that the tarball installs without a compiler.
// Invariant: an output that is newer than all of its inputs is right; a failed stage leaves its output stale.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

const ADDON = join(root, 'native/build/Release/tsswitch.node');
const STAMP = join(root, 'dist/.built');
const GENERATED = ['proto.js', 'proto.d.ts', 'services.ts'].map((name) => join(root, 'src/generated', name));
/** Folders whose TypeScript goes into dist/; the same list as in tsconfig.build.json. */
const SOURCES = ['src', 'cli', 'bench', 'scripts', 'test/support'];

/** All files under a path; the path itself when it is a file; nothing when it is absent. */
function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)));
}

function isStale(outputs, inputs) {
  if (!outputs.every((output) => existsSync(output))) return true;
  const oldest = Math.min(...outputs.map((output) => statSync(output).mtimeMs));
  // A folder's own time tells of files that went away.
  return inputs.some((input) => existsSync(input) && statSync(input).mtimeMs > oldest);
}

/** Runs a Node program, shows what it says only when it fails, and ends the build then. */
function run(title, script, args, cwd = root) {
  console.log(`${title} ...`);
  const child = spawnSync(process.execPath, [script, ...args], { cwd, encoding: 'utf8', maxBuffer: 1 << 26 });
  if (child.status === 0) return;
  process.stderr.write(`${child.stdout ?? ''}${child.stderr ?? ''}`);
  console.error(`tsswitch build: '${title}' failed, see above.`);
  process.exit(1);
}

/** The headers that came with this Node, which spare node-gyp a download; none when Node was packaged without. */
function nodeDirectoryOption() {
  const directory = dirname(dirname(process.execPath));
  return existsSync(join(directory, 'include/node/node_api.h')) ? [`--nodedir=${directory}`] : [];
}

function buildAddon() {
  const inputs = [join(root, 'native/binding.gyp'), ...filesUnder(join(root, 'native/src'))];
  if (!isStale([ADDON], inputs)) return;
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const arguments_ = ['configure', 'build', ...nodeDirectoryOption()];
  run('Building the native addon', nodeGyp, arguments_, join(root, 'native'));
  utimesSync(ADDON, new Date(), new Date()); // make may have found that nothing had to be linked again
}

function generateProto() {
  const inputs = [join(root, 'scripts/generate-proto.mjs'), ...filesUnder(join(root, 'proto'))];
  if (!isStale(GENERATED, inputs)) return;
  run('Generating the gRPC code', join(root, 'scripts/generate-proto.mjs'), []);
}

/** Removes what was compiled from a source that is gone. */
function removeOrphans(sources) {
  const expected = new Set(sources.map((path) => relative(root, path).replace(/\.ts$/, '.js')));
  for (const output of filesUnder(join(root, 'dist'))) {
    if (extname(output) === '.js' && !expected.has(relative(join(root, 'dist'), output))) rmSync(output);
  }
}

async function compileTypeScript() {
  const sources = SOURCES.flatMap((folder) => filesUnder(join(root, folder)));
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'package.json'].map((name) => join(root, name));
  const folders = [...new Set(sources.map((path) => dirname(path)))];
  if (!isStale([STAMP], [...sources, ...folders, ...settings])) return;
  run('Compiling TypeScript', join(dirname(require.resolve('typescript/package.json')), 'bin/tsc'), [
    '-p',
    'tsconfig.build.json',
  ]);
  for (const source of sources.filter((path) => extname(path) === '.js')) {
    const target = join(root, 'dist', relative(root, source));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
  }
  removeOrphans(sources);
  await bundlePrograms();
  writeFileSync(STAMP, '');
}

/**
 * Makes one file each of the CLI and of the daemon with the packages that they use: Node takes longer to find and load
 * a hundred modules than the switch takes to answer. The daemon stays apart from the CLI, and so does the datapath,
 * whose worker is a file of its own.
 */
async function bundlePrograms() {
  const { build } = await import('rolldown');
  const bundle = (input, external, output, plugins = []) =>
    build({
      input,
      external,
      platform: 'node',
      logLevel: 'warn',
      output: { ...output, minify: true, codeSplitting: false },
      plugins,
    });
  const program = join(root, 'dist/cli/program.cjs');
  const apart = [/\/control\/(main|detach)\.js$/, '@grpc/proto-loader'];
  // See cli/bundle.ts.
  const importModule = {
    name: 'import-module',
    renderChunk: (code) => code.replace(/\bimport\(/g, 'importModule('),
  };
  await bundle(join(root, 'dist/cli/run.js'), apart, { file: program, format: 'cjs' }, [importModule]);
  const daemon = join(root, 'dist/src/control/main.js');
  await bundle(daemon, [/\/datapath\//, '@grpc/proto-loader'], { file: daemon, format: 'esm' });
  rmSync(`${program}.cache`, { force: true });
  run('Compiling the command line', join(root, 'scripts/cache-program.mjs'), []);
  chmodSync(join(root, 'dist/cli/main.js'), 0o755);
}

function copyPrebuilt() {
  const directory = join(root, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(directory, { recursive: true });
  copyFileSync(ADDON, join(directory, 'tsswitch.node'));
}

buildAddon();
generateProto();
await compileTypeScript();
if (process.argv.includes('--prebuild')) copyPrebuilt();
