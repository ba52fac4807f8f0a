// What: the commands for groups, meters, tables and frames, from their arguments to their output, against a daemon over a
// datapath that understands as much of them as fake-tables.ts does.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

const { output, json, refusal } = commandsOn(() => test.socketPath);

/** A file with these lines. */
function file(name: string, ...lines: string[]): string {
  const path = join(directory, name);
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

describe('groups', () => {
  it('are added, changed, dumped and deleted', async () => {
    const one = 'group_id=1,type=all,bucket=actions=output:1';
    expect(await output('add-group', one)).toBe('');
    expect(await json('add-group', 'br0', 'group_id=2,type=all')).toEqual({});
    expect(await output('dump-groups')).toBe(
      `NXST_GROUP_DESC reply (xid=0x2):\n ${one}\n group_id=2,type=all\n`,
    );
    expect(await output('dump-groups', 'br0', '1')).toBe(`NXST_GROUP_DESC reply (xid=0x2):\n ${one}\n`);
    expect(await json('dump-groups', 'group_id=2')).toEqual([{ groupId: 2, text: 'group_id=2,type=all' }]);
    expect(await output('dump-group-stats', '1')).toBe(
      'NXST_GROUP reply (xid=0x6):\n group_id=1,duration=1.500s,ref_count=2,packet_count=10,byte_count=640,' +
        'bucket0:packet_count=6,byte_count=384,bucket1:packet_count=4,byte_count=256\n',
    );
    expect((await json('dump-group-stats'))[0]).toMatchObject({ groupId: 1, buckets: [{ packets: 6 }, {}] });
    expect(await refusal(1, 'add-group', one)).toBe('group 1 exists already');
    expect(await output('add-group', '--may-create', one)).toBe('');
    expect(await refusal(1, 'mod-group', 'group_id=3,type=all')).toBe('no group 3');
    expect(await output('--may-create', 'mod-group', 'group_id=3,type=all')).toBe('');
    expect(await output('insert-buckets', 'group_id=3,command_bucket_id=last,bucket=actions=drop')).toBe('');
    expect(await output('remove-bucket', 'br0', 'group_id=3,command_bucket_id=all')).toBe('');
    expect(await output('add-groups', file('groups.txt', 'group_id=7,type=all', 'delete group_id=3'))).toBe(
      '',
    );
    expect(await output('del-groups', '7')).toBe('');
    expect((await json('dump-groups')).map(({ groupId }: { groupId: number }) => groupId)).toEqual([2, 1]);
    expect(await json('del-groups', 'br0')).toEqual({});
    expect(await json('dump-groups')).toEqual([]);
    expect(await refusal(2, 'dump-groups', 'br0', 'x')).toContain('a group is named by its number');
  });
});

describe('meters', () => {
  it('are added, changed, dumped and deleted', async () => {
    const one = 'meter=1 pktps bands=\ntype=drop rate=5';
    const two = 'meter=2 kbps burst stats bands=\ntype=drop rate=100 burst_size=10';
    for (const meter of [one, two]) expect(await output('add-meter', meter)).toBe('');
    const header = 'OFPST_METER_CONFIG reply (OF1.3) (xid=0x2):\n';
    expect(await output('dump-meters')).toBe(`${header}${one}\n\n${two}\n`);
    expect(await output('-O', 'OpenFlow13', 'dump-meter', 'br0', 'meter=2')).toBe(`${header}${two}\n`);
    expect(await json('dump-meters', '1')).toEqual([{ meterId: 1, text: one }]);
    const stats = (id: number) =>
      `meter:${id} flow_count:1 packet_in_count:5 byte_in_count:300 duration:2s bands:\n` +
      '0: packet_count:1 byte_count:60\n';
    expect(await output('meter-stats')).toBe(
      `OFPST_METER reply (OF1.3) (xid=0x2):\n${stats(1)}\n${stats(2)}`,
    );
    expect(await json('meter-stats', 'br0', 'meter=2')).toMatchObject([{ meterId: 2, flowCount: 1 }]);
    expect(await json('mod-meter', one.replace('5', '6'))).toEqual({});
    expect(await refusal(1, 'mod-meter', 'meter=9 pktps bands=')).toBe('no meter 9');
    expect(await output('del-meter', 'meter=1')).toBe('');
    expect(await output('del-meters', 'br0')).toBe('');
    expect(await json('dump-meters')).toEqual([]);
    expect(await refusal(2, 'meter-stats', 'br0', 'x')).toContain('a meter is named by its number');
  });
});

describe('tables', () => {
  it('are dumped and changed', async () => {
    test.datapath.tables[0]!.activeFlows = 3;
    test.datapath.tables[2]!.lookups = 9;
    expect(await output('dump-tables')).toBe(
      'OFPST_TABLE reply (OF1.3) (xid=0x2):\n  table 0:\n    active=3, lookup=0, matched=0\n\n' +
        '  table 1:\n    active=0, lookup=0, matched=0\n\n  table 2:\n    active=0, lookup=9, matched=0\n\n' +
        '  table 3:\n    active=0, lookup=0, matched=0\n\n  tables 4...253: ditto\n',
    );
    expect(await output('mod-table', '1', 'flow_limit=10', 'evict', 'name=acl')).toBe('');
    expect(await output('dump-tables', 'br0')).toContain(
      '  table 1 ("acl"):\n    active=0, lookup=0, matched=0\n    max_entries=10\n    eviction=on\n',
    );
    expect((await json('dump-tables'))[1]).toEqual({
      tableId: 1,
      name: 'acl',
      activeFlowCount: 0,
      lookups: 0,
      matched: 0,
      flowLimit: 10,
      overflowPolicy: 'evict',
    });
    expect(await json('mod-table', 'br0', '1', 'noevict')).toEqual({});
    expect(await output('mod-table', 'br0', '1', 'flow_limit=none')).toBe('');
    expect((await json('dump-tables'))[1]).toMatchObject({ flowLimit: null, overflowPolicy: 'refuse' });
    for (const args of [
      ['0', 'fly'],
      ['br0', '0', 'flow_limit=0'],
      ['0', 'flow_limit=x'],
    ]) {
      expect(await refusal(2, 'mod-table', ...args)).toContain('use evict, noevict, flow_limit=NUMBER');
    }
    expect(await refusal(2, 'mod-table', '254', 'evict')).toContain("0 to 253, not '254'");
    expect(await refusal(2, 'mod-table', 'br0', 'x', 'evict')).toContain("0 to 253, not 'x'");
    expect(await refusal(2, 'mod-table', 'acl', 'evict')).toContain("0 to 253, not 'acl'");
    expect(await refusal(2, 'mod-table', '0')).toContain('missing argument setting: evict, noevict');
  });
});

describe('frames', () => {
  const FRAME = `${'ff'.repeat(6)}0200000000010806`;

  it('are traced', async () => {
    expect(await output('trace', 'in_port=1,tcp')).toBe('Flow: in_port=1,tcp\n\nbridge("br0")\n');
    expect(await output('trace', 'br1', 'in_port=1')).toContain('bridge("br1")');
    expect(await output('trace', 'in_port=1', FRAME)).toContain(`Flow: in_port=1 ${FRAME}\n`);
    expect(await json('trace', 'br1', 'in_port=1', FRAME.replace(/..(?=.)/g, '$& '))).toEqual({
      flow: `in_port=1 ${FRAME}`,
      finalFlow: 'unchanged',
      megaflow: 'recirc_id=0',
      datapathActions: 'drop',
      dropReason: 'table-miss',
      dropExplanation: expect.stringContaining('No flow matches'),
      text: expect.stringContaining('bridge("br1")'),
    });
    expect(await refusal(1, 'trace', 'bla')).toBe('unknown field bla');
    expect(await refusal(2, 'trace', 'br0', 'in_port=1', 'x')).toContain("'x' is no frame: give at least");
    expect(await refusal(2, 'trace', 'in_port=1', 'ffff')).toContain(
      "'ffff' is no frame: give at least the 14 bytes",
    );
  });

  it('are sent in both forms of ovs-ofctl', async () => {
    const text = `in_port=controller packet=${FRAME} actions=output:1`;
    expect(await output('packet-out', text)).toBe('');
    expect(await json('packet-out', 'br1', text)).toEqual({});
    expect(await output('packet-out', 'br1', 'none', 'flood', FRAME, FRAME)).toBe('');
    const old = `in_port=none packet=${FRAME} actions=flood`;
    expect(test.datapath.packetOuts.splice(0)).toEqual([text, text, old, old]);
    expect(await refusal(2, 'packet-out', 'br1', 'none', 'flood')).toContain('a packet-out is one argument');
    expect(await refusal(1, 'packet-out', 'br9', text)).toBe('no bridge named br9');
  });

  it('leave megaflows', async () => {
    const entry = { flow: 'recirc_id(0),in_port(1)', packets: 1, bytes: 60, usedSeconds: undefined };
    test.datapath.datapathFlows.push(
      { ...entry, actions: '2' },
      { ...entry, usedSeconds: 0.0042, actions: 'drop' },
    );
    expect(await output('dump-datapath-flows')).toBe(
      'recirc_id(0),in_port(1), packets:1, bytes:60, used:never, actions:2\n' +
        'recirc_id(0),in_port(1), packets:1, bytes:60, used:0.004s, actions:drop\n',
    );
    expect(await json('dump-datapath-flows', 'br0')).toMatchObject([
      { usedSeconds: null },
      { usedSeconds: 0.0042 },
    ]);
    expect(await refusal(1, 'dump-datapath-flows', 'br9')).toBe('no bridge named br9');
  });

  it('and flows make events', async () => {
    const packetIn = {
      kind: 'packet-in' as const,
      bridge: 'br0',
      timeMs: 5,
      reason: 'action',
      tableId: 2,
      cookie: '0x7',
      inPort: 65534,
      controllerId: 3,
      totalLength: 60,
      data: new Uint8Array([0x0a, 0xff]),
      userdata: new Uint8Array([1, 2]),
      metadata: 'reg0=0x1',
    };
    const flow = { ...parseFlow('priority=7,tcp,actions=drop'), durationSeconds: 2.25, idleTimeout: 1 };
    test.datapath.events.push(
      { ...packetIn, sequence: 1 },
      { kind: 'flow-removed', sequence: 2, bridge: 'br1', timeMs: 6, reason: 'idle_timeout', flow },
      { ...packetIn, sequence: 4, tableId: 0, metadata: '', controllerId: 0, userdata: new Uint8Array() },
    );
    expect(await output('dump-events')).toBe(
      'NXT_PACKET_IN2 (xid=0x0): table_id=2 cookie=0x7 total_len=60 in_port=LOCAL reg0=0x1 (via action) data_len=2 ' +
        'controller_id=3 (unbuffered)\n userdata=01.02\n0aff\n' +
        'OFPT_FLOW_REMOVED (xid=0x0): priority=7,tcp reason=idle table_id=0 cookie:0x0 duration2.250s idle1 pkts0 bytes0\n' +
        '1 events were lost here: nobody fetched them in time.\n' +
        'NXT_PACKET_IN2 (xid=0x0): cookie=0x7 total_len=60 in_port=LOCAL (via action) data_len=2 (unbuffered)\n0aff\n',
    );
    expect(await json('dump-events', 'br1')).toMatchObject([
      { sequence: 2, flowRemoved: { reason: 'idle_timeout', flow: { match: 'tcp' } } },
    ]);
    expect(await refusal(1, 'dump-events', 'br9')).toBe('no bridge named br9');
    expect(await refusal(1, 'monitor', 'br9')).toBe('no bridge named br9');
    expect((await json('dump-events', 'br0'))[0].packetIn).toMatchObject({ data: '0aff', userdata: '0102' });
  });
});
