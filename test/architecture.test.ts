// What: holds the tree to its import table (docs/architecture.md, src/datapath/README.md). Why: who may know whom is
// what keeps the switch in parts that can be understood, tested and replaced one by one; a rule that nothing checks
// is soon broken. It reads import lines and a few words of the sources, and runs nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from './support/project-root.ts';

/** Folder of src/datapath -> what its files may import from src/datapath: folders, or single files. */
const DATAPATH_TABLE: Record<string, string[]> = {
  wire: [],
  flow: ['wire', 'errors.ts'],
  port: ['wire', 'errors.ts', 'drop.ts'],
  actions: ['wire', 'flow', 'port', 'errors.ts', 'drop.ts'],
  dp: ['wire', 'flow', 'port', 'actions', 'api.ts', 'errors.ts', 'drop.ts'],
  ofproto: ['wire', 'flow', 'port', 'actions', 'dp', 'api.ts', 'errors.ts', 'drop.ts'],
};

/** Folder of src/datapath/ofproto -> which of the others its files may import. */
const OFPROTO_TABLE: Record<string, string[]> = {
  entries: [],
  text: ['entries'],
  classifier: ['entries'],
  tables: ['entries', 'text', 'classifier'],
  xlate: ['entries', 'tables'],
  bridge: ['entries', 'text', 'classifier', 'tables', 'xlate'],
};

/** Node's modules that only compute; all others reach out of the process or to its clock. */
const PURE_NODE_MODULES = ['node:assert/strict'];
/** Files of src/datapath that speak to the world: threads, the addon, the kernel. */
const WORLDLY = /^src\/datapath\/(worker|client|worker-messages|port\/native[a-z-]*)\.ts$/;
/** What reads a clock, chance or the environment, or makes work asynchronous. */
const IMPURE =
  /\b(Date\.now|new Date|Math\.random|performance\.|process\.|console\.|setTimeout|setInterval|setImmediate|queueMicrotask|await |async )/;

interface Source {
  /** From the root of the project. */
  path: string;
  text: string;
  /** Paths of files of the project, or names of packages. */
  imports: string[];
  /** The imports of them that stay at run time. */
  runtimeImports: string[];
}

function filesUnder(directory: string): string[] {
  return readdirSync(join(projectRoot, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : filesUnder(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function readSource(path: string): Source {
  const text = readFileSync(join(projectRoot, path), 'utf8');
  const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const statements = [
    ...code.matchAll(/^(?:import|export)\b(?<what>[\w\s{},*]*?)(?:from )?'(?<from>[^']+)';/gm),
  ];
  const dynamic = [...code.matchAll(/\b(?:import|require)\('(?<from>[^']+)'\)/g)];
  const target = (from: string) =>
    from.startsWith('.') ? relative(projectRoot, resolve(projectRoot, dirname(path), from)) : from;
  const isTypeOnly = (what: string) => /^\s*type\b/.test(what);
  return {
    path,
    text: code,
    imports: [...statements, ...dynamic].map(({ groups }) => target(groups!['from']!)),
    runtimeImports: [...statements.filter(({ groups }) => !isTypeOnly(groups!['what']!)), ...dynamic].map(
      ({ groups }) => target(groups!['from']!),
    ),
  };
}

const sources = ['src', 'cli', 'bench', 'scripts'].flatMap(filesUnder).map(readSource);
const under = (folder: string) => sources.filter(({ path }) => path.startsWith(`${folder}/`));

test('the sources were found and read', () => {
  const datapath = sources.find(({ path }) => path === 'src/datapath/dp/datapath.ts');
  expect(datapath?.imports).toContain('src/datapath/dp/upcall.ts');
  const order = sources.find(({ path }) => path === 'src/datapath/ofproto/tables/eviction-order.ts');
  expect(order?.imports).toContain('lru-cache');
});

describe('src/datapath', () => {
  test.each(Object.entries(DATAPATH_TABLE))('%s imports only what stands in its row', (folder, allowed) => {
    const files = under(`src/datapath/${folder}`);
    expect(files.length).toBeGreaterThan(0);
    const isAllowed = (path: string) =>
      !path.startsWith('src/') ||
      [folder, ...allowed].some((entry) =>
        path.startsWith(`src/datapath/${entry}${entry.endsWith('.ts') ? '' : '/'}`),
      );
    for (const { path, imports } of files) {
      expect({ path, forbidden: imports.filter((i) => !isAllowed(i)) }).toEqual({ path, forbidden: [] });
    }
  });

  test.each(Object.entries(OFPROTO_TABLE))('ofproto/%s imports only parts below it', (folder, allowed) => {
    const files = under(`src/datapath/ofproto/${folder}`);
    expect(files.length).toBeGreaterThan(0);
    const isAllowed = (path: string) =>
      !path.startsWith('src/datapath/ofproto/') ||
      [folder, ...allowed].some((entry) => path.startsWith(`src/datapath/ofproto/${entry}/`));
    for (const { path, imports } of files) {
      expect({ path, forbidden: imports.filter((i) => !isAllowed(i)) }).toEqual({ path, forbidden: [] });
    }
  });

  test('each file of ofproto stands in one of its parts', () => {
    const parts = new Set(under('src/datapath/ofproto').map(({ path }) => path.split('/')[3]));
    expect([...parts].sort()).toEqual(Object.keys(OFPROTO_TABLE).sort());
  });

  test('actions know the types of ports only', () => {
    for (const { path, runtimeImports } of under('src/datapath/actions')) {
      const ports = runtimeImports.filter((i) => i.startsWith('src/datapath/port/'));
      expect({ path, ports }).toEqual({ path, ports: [] });
    }
  });

  test('nothing of the datapath knows control, cli or generated code', () => {
    for (const { path, imports } of under('src/datapath')) {
      const outside = imports.filter(
        (i) => /^(src|cli|test|bench)\//.test(i) && !i.startsWith('src/datapath/'),
      );
      expect({ path, outside }).toEqual({ path, outside: [] });
    }
  });

  test('only port/native-*.ts, worker.ts and client.ts know the addon', () => {
    for (const { path, imports, text } of under('src/datapath')) {
      if (WORLDLY.test(path)) continue;
      expect({ path, native: imports.filter((i) => i.includes('native')) }).toEqual({ path, native: [] });
      expect(text).not.toMatch(/\.node['"`]/);
    }
  });

  test('reads no clock, chance or environment, and does nothing asynchronous', () => {
    for (const { path, imports, text } of under('src/datapath')) {
      if (WORLDLY.test(path)) continue;
      const reaching = imports.filter((i) => i.startsWith('node:') && !PURE_NODE_MODULES.includes(i));
      expect({ path, reaching, impure: text.match(IMPURE)?.[0] }).toEqual({
        path,
        reaching: [],
        impure: undefined,
      });
    }
  });

  test('uses lru-cache as its only package', () => {
    const packages = under('src/datapath').flatMap(({ imports }) =>
      imports.filter((i) => !/^(src\/|node:)/.test(i)),
    );
    expect([...new Set(packages)]).toEqual(['lru-cache']);
  });
});

test('control knows the public surface of the datapath only', () => {
  for (const { path, imports } of under('src/control')) {
    const inner = imports.filter((i) => i.startsWith('src/datapath/') && i !== 'src/datapath/index.ts');
    expect({ path, inner }).toEqual({ path, inner: [] });
  }
});

test('the CLI is a client: it knows nothing of the datapath, and of control only what a client needs', () => {
  const daemonOnly = /^src\/control\/(services\/|grpc-server|store|daemon|switch-configuration)/;
  for (const { path, imports } of under('cli')) {
    const forbidden = imports.filter((i) => i.startsWith('src/datapath/') || daemonOnly.test(i));
    expect({ path, forbidden }).toEqual({ path, forbidden: [] });
  }
});

test('no file of src or cli knows tests or benchmarks', () => {
  for (const { path, imports } of [...under('src'), ...under('cli')]) {
    expect({ path, outside: imports.filter((i) => /^(test|bench)\//.test(i)) }).toEqual({
      path,
      outside: [],
    });
  }
});

test('no file imports itself in a circle', () => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const visit = (path: string, way: string[]): void => {
    expect(way, 'a circle of imports').not.toContain(path);
    if (done.has(path)) return;
    for (const next of byPath.get(path)?.runtimeImports ?? [])
      if (byPath.has(next)) visit(next, [...way, path]);
    done.add(path);
  };
  for (const { path } of sources) visit(path, []);
});
