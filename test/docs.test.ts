// What: the documentation for users is true: each flow in it is one that the switch takes, each command in it exists,
// and the list of fields is that of the switch. `npx vitest -u` writes docs/flow-fields.md anew.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { program } from '../cli/program.ts';
import { linesOf } from '../src/control/services/lines.ts';
import { FIELDS, type Field, PREREQUISITES, SHORTHANDS } from '../src/datapath/flow/fields.ts';
import { MemoryProvider } from '../src/datapath/port/memory.ts';
import { Switch } from '../src/datapath/switch.ts';
import { projectRoot } from './support/project-root.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const flowsPage = read('docs/flows.md');

/** The lines of all blocks of one kind. */
function examples(kind: string): string[] {
  const blocks = [...flowsPage.matchAll(new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, 'gms'))];
  const lines = blocks.flatMap(([, text]) => linesOf(text!)).filter((line) => line.trim() !== '');
  expect(lines.length).toBeGreaterThan(0);
  return lines;
}

/** A switch with one bridge that has nothing but its local port. */
function bridge(): Switch {
  const sw = new Switch(new MemoryProvider());
  sw.addBridge({
    name: 'br0',
    datapathId: '0000020000000001',
    address: '02:00:00:00:00:01',
    failMode: 'secure',
    protocols: [],
    macAgeSeconds: 300,
    macTableSize: 100,
  });
  return sw;
}

describe('docs/flows.md', () => {
  it('has flows, groups and meters that the switch takes', () => {
    const sw = bridge();
    for (const meter of examples('meters')) sw.modMeter('br0', 'add', meter);
    for (const group of examples('groups')) sw.modGroup('br0', 'add', group);
    const bundle = sw.openBundle('br0', { lines: 'flows', source: 'docs/flows.md' });
    sw.addToBundle(bundle, examples('flows'), 1);
    sw.commitBundle(bundle);
  });

  it('has a bundle that the switch takes', () => {
    const sw = bridge();
    const bundle = sw.openBundle('br0', { lines: 'bundle', source: 'docs/flows.md' });
    sw.addToBundle(
      bundle,
      examples('bundle').map((line) => line.replace('port s1', 'port br0')),
      1,
    );
    sw.commitBundle(bundle);
  });
});

it('the list of fields is that of the switch', async () => {
  await expect(fieldsPage()).toMatchFileSnapshot(join(projectRoot, 'docs/flow-fields.md'));
});

it.each(['README.md', ...readdirSync(join(projectRoot, 'docs')).map((name) => `docs/${name}`)])(
  'the commands in %s exist',
  (path) => {
    const names = new Set(program().commands.flatMap((command) => [command.name(), ...command.aliases()]));
    const used = [...read(path).matchAll(/(?:^|`|\| )tsswitch ([a-z-]+)(?=[\s`])/gm)];
    expect(used.map(([, name]) => name!).filter((name) => !names.has(name))).toEqual([]);
  },
);

function fieldsPage(): string {
  const rows = collapseRegisters(FIELDS).map(
    ({ names, width, mask, write, needs, about }) =>
      `| ${names.map((name) => `\`${name}\``).join(', ')} | ${width} | ${mask} | ${write} | ${needs} | ${about} |\n`,
  );
  const words = SHORTHANDS.map(
    ({ names, type, proto }) =>
      `| ${names.map((name) => `\`${name}\``).join(', ')} | \`dl_type=0x${type.toString(16).padStart(4, '0')}\`${proto === undefined ? '' : `, \`nw_proto=${proto}\``} |\n`,
  );
  return `# Fields of flows

All fields that a match can name and that actions can read. Names in capitals are those of Open vSwitch's NXM and OXM.
Made from \`src/datapath/flow/fields.ts\` by \`test/docs.test.ts\`. [flows.md](flows.md) explains how flows are written.

| names | bits | any mask | actions write it | needs | what it is |
|---|---|---|---|---|---|
${rows.join('')}
Words for protocols:

| word | stands for |
|---|---|
${words.join('')}`;
}

interface FieldRow {
  names: string[];
  width: number;
  mask: string;
  write: string;
  needs: string;
  about: string;
}

/** Registers of one kind make one row. */
function collapseRegisters(fields: readonly Field[]): FieldRow[] {
  const rows: FieldRow[] = [];
  for (const field of fields) {
    const [, kind, number] = /^(x{0,2}reg)(\d+)$/.exec(field.name) ?? [];
    if (number !== undefined && number !== '0') continue;
    const last =
      kind === undefined ? 0 : fields.filter(({ name }) => new RegExp(`^${kind}\\d+$`).test(name)).length - 1;
    const names = [field.name, ...field.aliases];
    rows.push({
      names: kind === undefined ? names : names.flatMap((name) => [name, name.replace(/0$/, String(last))]),
      width: field.width,
      mask: field.maskable ? 'yes' : '',
      write: field.writable ? 'yes' : '',
      needs: needsOf(field),
      about: kind === undefined ? field.about : `${field.about}, 0 to ${last}`,
    });
  }
  return rows;
}

function needsOf({ prerequisite, matchPrerequisite }: Field): string {
  const name = matchPrerequisite ?? prerequisite;
  return name === undefined ? '' : PREREQUISITES[name].write;
}
