// What: the commands for flows and files of flows, from their arguments to their output, against a daemon over a datapath
// that understands as much of them as fake-tables.ts does.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseFlow } from '../control/fake-tables.ts';
import { TestDaemon } from '../control/test-daemon.ts';
import { commandsOn } from './run-command.ts';

let test: TestDaemon;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tsswitch-flows-'));
  test = new TestDaemon();
  await test.start();
  await output('add-br', 'br1');
  await output('add-port', 's1');
});

afterAll(async () => {
  await test.cleanUp();
  rmSync(directory, { recursive: true });
});

beforeEach(() => {
  test.datapath.flows.all.length = 0;
});

const { run, output, json, refusal } = commandsOn(() => test.socketPath);

/** A file with these lines. */
function file(name: string, ...lines: string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

const flows = () => test.datapath.flows.all.map(({ match, actions }) => `${match} ${actions}`);

describe('flows', () => {
  it('are added, dumped, changed and deleted', async () => {
    expect(await output('add-flow', 'in_port=1,actions=output:2')).toBe('');
    expect(await output('add-flow', 'br0', 'tcp,actions=drop')).toBe('');
    expect(await json('add-flow', 'table=2,priority=7,arp,actions=drop')).toEqual({});
    const dump = await output('dump-flows');
    expect(dump.split('\n').slice(0, 2)).toEqual([
      'NXST_FLOW reply (xid=0x4):',
      ' cookie=0x0, duration=0s, table=0, n_packets=0, n_bytes=0, in_port=1 actions=output:2',
    ]);
    expect(await output('dump-flows', 'br0')).toBe(dump);
    expect((await output('dump-flows', 'tcp')).split('\n')).toHaveLength(3);
    expect(await output('dump-flows', '--no-stats')).toBe(
      ' in_port=1 actions=output:2\n tcp actions=drop\n table=2, priority=7,arp actions=drop\n',
    );
    expect(await output('dump-flows', 'in_port=1', '--names')).toBe(
      ' cookie=0x0, duration=0s, table=0, n_packets=0, n_bytes=0, in_port=s1 actions=output:2\n',
    );
    expect(await json('dump-flows', 'br0', 'table=2')).toEqual([
      {
        tableId: 2,
        priority: 7,
        cookie: '0x0',
        match: 'arp',
        actions: 'drop',
        idleTimeoutSeconds: 0,
        hardTimeoutSeconds: 0,
        importance: 0,
        flags: [],
        packets: 0,
        bytes: 0,
        durationSeconds: 0,
        idleAgeSeconds: 0,
        hardAgeSeconds: 0,
      },
    ]);
    expect(await json('mod-flows', 'tcp,actions=output:9')).toEqual({ changedCount: 1 });
    expect(await output('mod-flows', '--strict', 'br0', 'tcp,actions=output:8')).toBe('');
    expect(flows()).toContain('tcp output:8');
    expect(await output('dump-aggregate')).toBe(
      'NXST_AGGREGATE reply (xid=0x4): packet_count=3 byte_count=180 flow_count=3\n',
    );
    expect(await json('dump-aggregate', 'br0', 'tcp')).toEqual({ packets: 3, bytes: 180, flowCount: 1 });
    expect(await json('del-flows', 'tcp')).toEqual({ deletedCount: 1 });
    expect(await output('--strict', 'del-flows', 'br0', 'in_port=1')).toBe('');
    expect(await output('del-flows')).toBe('');
    expect(await output('dump-flows')).toBe('NXST_FLOW reply (xid=0x4):\n');
    expect(await json('dump-flows')).toEqual([]);
  });

  it('are sorted', async () => {
    for (const flow of ['in_port=2', 'priority=1,in_port=10', 'priority=40000,tcp']) {
      await output('add-flow', `${flow},actions=drop`);
    }
    const sorted = async (...options: string[]) =>
      (await output('dump-flows', '--no-stats', ...options)).split('\n').map((line) => line.split(' ')[1]);
    expect(await sorted('--sort', 'br0')).toEqual([
      'priority=1,in_port=10',
      'in_port=2',
      'priority=40000,tcp',
      undefined,
    ]);
    expect(await sorted('--rsort')).toEqual([
      'priority=40000,tcp',
      'in_port=2',
      'priority=1,in_port=10',
      undefined,
    ]);
    expect(await sorted('--rsort=in_port')).toEqual([
      'priority=1,in_port=10',
      'in_port=2',
      'priority=40000,tcp',
      undefined,
    ]);
    expect(await refusal(2, 'dump-flows', '--sort=bla')).toContain("'bla' is no field to sort by");
  });

  it('are parsed', async () => {
    const protocols = { usableProtocols: 'any', chosenProtocol: 'OpenFlow10-table_id' };
    const header = 'usable protocols: any\nchosen protocol: OpenFlow10-table_id\n';
    const flow = 'ADD tcp actions=drop';
    expect(await output('parse-flow', 'tcp,actions=drop')).toBe(
      `${header}OFPT_FLOW_MOD (xid=0x1): ${flow}\n`,
    );
    expect(await output('parse-flow', '--as-written', 'tcp,actions=drop')).toBe(`${flow}\n`);
    expect(await json('parse-flow', '--as-written', 'tcp,actions=drop')).toEqual({ flow });
    expect(await json('parse-flow', 'br1', 'tcp,actions=drop')).toEqual({ ...protocols, flow });
    expect(await json('-O', 'OpenFlow13', 'parse-flow', 'tcp,actions=drop')).toMatchObject({
      chosenProtocol: 'OpenFlow13',
    });
    const path = file('parse.txt', '# a comment', 'tcp,actions=drop', 'delete udp,actions=drop');
    expect(await output('parse-flows', path)).toBe(
      `${header}OFPT_FLOW_MOD (xid=0x1): ${flow}\nOFPT_FLOW_MOD (xid=0x2): DELETE udp actions=drop\n`,
    );
    const parsed = [flow, 'DELETE udp actions=drop'];
    expect(await output('parse-flows', '--as-written', path)).toBe(`${parsed.join('\n')}\n`);
    expect(await json('parse-flows', path)).toEqual({ ...protocols, flows: parsed });
    expect(await refusal(1, 'parse-flows', file('bad.txt', '', 'tcp'))).toBe(
      `${directory}/bad.txt:2: must specify an action`,
    );
    expect(flows()).toEqual([]);
  });

  it('are refused with the sentence of the switch and without a header', async () => {
    expect(await refusal(1, 'add-flow', 'tcp')).toBe('must specify an action');
    expect(await refusal(1, 'dump-flows', 'br9', 'tcp')).toBe('no bridge named br9');
    expect(await refusal(2, 'dump-flows', 'br0', 'tcp', 'x')).toContain('too many arguments');
    expect(await refusal(2, 'add-flow', 'in_port=1', 'actions=drop', 'x')).toContain('too many arguments');
  });
});

describe('files of flows', () => {
  it('are applied as a whole', async () => {
    const path = file('flows.txt', '# lab', 'tcp,actions=drop', '', 'add udp,actions=drop # second');
    expect(await output('add-flows', path)).toBe('');
    expect(await json('add-flows', 'br0', file('more.txt', 'delete tcp', 'arp,actions=drop'))).toEqual({
      changeCount: 2,
      deletedFlowCount: 1,
    });
    expect(flows()).toEqual(['udp drop', 'arp drop']);
    expect(await json('replace-flows', path)).toEqual({ changeCount: 2, deletedFlowCount: 2 });
    expect(flows()).toEqual(['tcp drop', 'udp drop']);
    expect(await output('-O', 'OpenFlow14', '--bundle', 'add-flows', 'br0', path)).toBe('');
  });

  it('are refused as a whole, with file and line', async () => {
    const path = file('wrong.txt', 'tcp,actions=drop', 'udp');
    expect(await refusal(1, 'add-flows', path)).toBe(`${path}:2: must specify an action`);
    expect(await refusal(1, 'add-flows', 'br9', path)).toBe('no bridge named br9');
    expect(await refusal(1, 'add-flows', join(directory, 'none'))).toBe(
      `${directory}/none cannot be read: there is no such file`,
    );
    expect(await refusal(1, 'add-flows', directory)).toBe(`${directory} cannot be read: it is a directory`);
    expect(await refusal(2, 'add-flows')).toContain("missing required argument 'file'");
    const long = file('long.txt', 'tcp,actions=drop', `udp,actions=${'output:1,'.repeat(200_000)}2`);
    expect(await refusal(1, 'add-flows', long)).toBe(`${long}:2: the line is longer than 1 MiB`);
    expect(flows()).toEqual([]);
  });

  it('may begin with a byte order mark', async () => {
    expect(await output('add-flows', file('marked.txt', '\ufefftcp,actions=drop'))).toBe('');
    expect(flows()).toEqual(['tcp drop']);
  });

  it('come from standard input', async () => {
    const input = vi.spyOn(process, 'stdin', 'get');
    const feed = (...parts: string[]) =>
      input.mockReturnValue(Readable.from(parts.map(Buffer.from)) as never);
    feed('tcp,act', 'ions=drop\nudp,actions=output:', '2');
    expect(await output('add-flows', '-')).toBe('');
    expect(flows()).toEqual(['tcp drop', 'udp output:2']);
    feed('tcp\n');
    expect(await refusal(1, 'add-flows', 'br0', '-')).toBe('<stdin>:1: must specify an action');
    input.mockRestore();
  });

  it('of a hundred thousand lines go in messages, not in calls', async () => {
    const path = file('big.txt', ...Array.from({ length: 100_000 }, (_, i) => `reg0=${i},actions=drop`));
    test.datapath.flows.apply = (_command, text) => {
      test.datapath.flows.all.push(parseFlow(text));
      return 1;
    };
    expect(await json('add-flows', path)).toEqual({ changeCount: 100_000, deletedFlowCount: 0 });
    Reflect.deleteProperty(test.datapath.flows, 'apply');
    expect(test.datapath.flows.all.at(-1)?.match).toBe('reg0=99999');
  });

  it('are compared with bridges and with each other', async () => {
    const a = file(
      'a.txt',
      'tcp,actions=drop',
      'table=1,priority=5,cookie=9,udp,actions=output:1',
      'arp,actions=drop',
    );
    const b = file('b.txt', 'tcp,actions=output:2', 'arp,actions=drop', 'table=1,actions=drop');
    expect(await run('diff-flows', a, b)).toEqual({
      stdout:
        '-tcp actions=drop\n+tcp actions=output:2\n+table=1  actions=drop\n' +
        '-table=1 priority=5,udp cookie=0x9 actions=output:1\n',
      sentence: '',
      exitCode: 2,
    });
    await output('add-flows', a);
    expect(await output('diff-flows', 'br0', a)).toBe('');
    expect(await output('diff-flows', a, 'br0')).toBe('');
    expect(await json('diff-flows', a, a)).toEqual([]);
    const { stdout, exitCode } = await run('diff-flows', 'br0', b, '--json');
    expect([JSON.parse(stdout).length, exitCode]).toEqual([4, 2]);
    await output('dump-flows', '--no-stats').then((dump) => file('dump.txt', dump.trimEnd()));
    expect(await output('diff-flows', 'br0', join(directory, 'dump.txt'))).toBe('');
    expect(await refusal(1, 'diff-flows', 'br9', a)).toBe('no bridge named br9');
    expect(await refusal(1, 'diff-flows', 'br0', 'lab/none.txt')).toBe(
      'lab/none.txt cannot be read: there is no such file',
    );
    expect(await refusal(1, 'diff-flows', file('c.txt', '', 'tcp'), 'br0')).toBe(
      `${directory}/c.txt:2: must specify an action`,
    );
  });

  it('hold groups and meters too', async () => {
    const path = file(
      'bundle.txt',
      'group group_id=1,type=all',
      'flow add tcp,actions=group:1',
      'meter add meter=3 pktps bands=',
    );
    expect(await output('bundle', 'br0', path)).toBe('');
    expect(flows()).toEqual(['tcp group:1']);
    expect(test.datapath.meters.all.splice(0).map(({ id }) => id)).toEqual([3]);
    expect(await refusal(1, 'bundle', file('odd.txt', 'fly high'))).toContain(
      'odd.txt:1: a bundle has no fly',
    );
    await output('del-groups');
  });
});
