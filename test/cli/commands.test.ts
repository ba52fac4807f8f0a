// What: each command, from its arguments to its output, against a daemon over a datapath that needs no root.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../control/test-daemon.ts';
import { commandsOn, runCommand } from './run-command.ts';

let test: TestDaemon;

beforeAll(async () => {
  test = new TestDaemon();
  await test.start();
});

afterAll(() => test.cleanUp());

const { json, output, refusal } = commandsOn(() => test.socketPath);

describe('bridges', () => {
  it('are added, listed and deleted', async () => {
    expect(await output('add-br', 'br1', '--dpid', '0xff', '--fail-mode', 'secure')).toBe('');
    const protocols = 'OpenFlow10,OpenFlow13';
    expect(await json('add-br', 'br2', '--protocols', protocols)).toMatchObject({
      name: 'br2',
      failMode: 'standalone',
      protocols: ['OpenFlow10', 'OpenFlow13'],
      macAgeSeconds: 300,
    });
    expect(await output('list-br')).toBe('br0\nbr1\nbr2\n');
    expect((await json('list-br'))[1]).toMatchObject({ datapathId: '00000000000000ff', failMode: 'secure' });
    expect(await output('add-br', 'br1', '--may-exist')).toBe('');
    expect(await refusal(1, 'add-br', 'br1')).toBe(
      'cannot create a bridge named br1 because a bridge named br1 already exists',
    );
    expect(await json('del-br', 'br2')).toEqual({});
    expect(await refusal(1, 'del-br', 'br2')).toBe('no bridge named br2');
    expect(await output('del-br', 'br2', '--if-exists')).toBe('');
  });

  it('are refused for wrong options', async () => {
    expect(await refusal(2, 'add-br', 'x', '--fail-mode', 'maybe')).toContain("not 'maybe'");
    expect(await refusal(1, 'add-br', 'x', '--dpid', 'zz')).toContain("'zz' is no datapath id");
    expect(await refusal(1, 'add-br', 'x', '--protocols', 'OpenFlow99')).toContain("'OpenFlow99'");
    expect(await refusal(2, 'add-br')).toContain("missing required argument 'name'");
    expect(await refusal(2, 'add-br', 'a', 'b')).toContain('too many arguments');
  });
});

describe('ports', () => {
  it('are added in both orders, listed and deleted', async () => {
    expect(await output('add-port', 's1')).toBe('');
    expect(await output('add-port', 'br1', 's2', '--ofport', '7', '--type', 'tap')).toBe('');
    expect(await json('--bridge', 'br1', 'add-port', 's3')).toMatchObject({
      bridge: 'br1',
      name: 's3',
      ofport: 1,
    });
    expect(await output('list-ports')).toBe('s1\n');
    expect(await output('list-ports', 'br1')).toBe('s2\ns3\n');
    expect((await json('list-ports', '--bridge', 'br1'))[0]).toMatchObject({
      type: 'tap',
      ofport: 7,
      link: { up: true },
    });
    expect(await output('add-port', 's1', '--may-exist')).toBe('');
    expect(await output('del-port', 's3')).toBe('');
    expect(await refusal(1, 'del-port', 'br0', 's2')).toContain('bridge br0 does not have a port s2');
    expect(await output('del-port', 'br1', 's2')).toBe('');
    expect(await refusal(1, 'del-port', 's2')).toBe('no port named s2');
    expect(await output('del-port', 's2', '--if-exists')).toBe('');
  });

  it('are refused for wrong options', async () => {
    expect(await refusal(2, 'add-port')).toContain("missing required argument 'port'");
    expect(await refusal(2, 'add-port', 'a', 'b', 'c')).toContain("too many arguments: 'c'");
    expect(await refusal(2, 'add-port', 'br0', 'x', '--bridge', 'br1')).toContain('two bridges are given');
    expect(await refusal(2, 'add-port', 'x', '--type', 'vxlan')).toContain('--type is tap, system, internal');
    for (const ofport of ['0', '-1', 'one', '999999']) {
      expect(await refusal(2, 'add-port', 'x', `--ofport=${ofport}`)).toContain('--ofport is a number');
    }
    expect(await refusal(1, 'add-port', 'x', '--ofport', '65280')).toContain('65280 is no port number');
    expect(await refusal(1, 'add-port', 'br9', 'x')).toBe('no bridge named br9');
  });

  it('are shown', async () => {
    expect(await output('show')).toMatch(
      new RegExp(
        '^[0-9a-f-]{36}\n    Bridge br0\n        Port br0\n            Interface br0\n                type: internal\n' +
          '        Port s1\n            Interface s1\n    Bridge br1\n        datapath_id: "00000000000000ff"\n        fail_mode: secure\n        Port br1\n',
      ),
    );
    expect(await json('show')).toMatchObject({
      version: '0.1.0',
      bridges: [
        { name: 'br0', ports: [{ name: 'br0' }, { name: 's1' }] },
        { name: 'br1', ports: [{ name: 'br1' }] },
      ],
    });
  });

  it('are dumped, one or all, in every way to name them', async () => {
    const all = await output('dump-ports');
    expect(all.split('\n')).toHaveLength(6);
    expect(all).toContain('OFPST_PORT reply (xid=0x2): 2 ports\n  port LOCAL: rx pkts=0');
    expect(await output('dump-ports', 'br0')).toBe(all);
    const one = await output('dump-ports', 'br0', 's1');
    expect(one).toContain('1 ports\n  port  1: rx');
    expect(await output('dump-ports', 's1')).toBe(one);
    expect(await output('dump-ports', '1')).toBe(one);
    expect(await json('dump-ports', 's1')).toMatchObject([{ name: 's1', rxPackets: 0, txErrors: 0 }]);
    expect(await refusal(1, 'dump-ports', 'nix')).toBe('no port named nix\nNor is there a bridge nix.');
    expect(await output('dump-ports-desc', 's1')).toContain(' 1(s1): addr:02:00:00:00:00:aa\n');
    expect(await json('dump-ports-desc')).toHaveLength(2);
    expect(await output('mod-port', 's1', 'no-flood')).toBe('');
    expect(await output('mod-port', 'br0', '1', 'no-packet-in')).toBe('');
    expect(await output('dump-ports-desc', 's1')).toContain('     config:     NO_FLOOD NO_PACKET_IN\n');
    expect(await json('mod-port', 's1', 'flood')).toEqual({});
    expect((await json('dump-ports-desc', 's1'))[0].config).toEqual(['no_packet_in']);
    expect(await refusal(2, 'mod-port', 's1', 'fly')).toContain('a port is changed by up, down, receive');
    expect(await refusal(2, 'mod-port', 's1')).toContain('missing argument change');
    expect(await refusal(1, 'mod-port', 'nix', 'up')).toBe('no port named nix');
    expect(await refusal(1, 'dump-ports-desc', 'nix')).toBe('no port named nix');
  });

  it('tell their drops', async () => {
    expect(await output('drops')).toBe(' Bridge  Port  Reason  Frames  Why\n');
    const { stats } = test.datapath.ports.find(({ name }) => name === 's1')!;
    stats.drops = { 'no-such-port': 2 };
    expect(await output('drops', 'br0')).toContain(
      ' br0     s1    no-such-port       2  The flow outputs only',
    );
    expect(await json('drops')).toMatchObject([{ port: 's1', reason: 'no-such-port', count: 2 }]);
  });
});

describe('addresses', () => {
  it('are added, shown, flushed and deleted', async () => {
    expect(await output('fdb', 'add', 's1', '10', '02:00:00:00:00:01')).toBe('');
    expect(await output('fdb', 'add', 'br0', 's1', '11', '02:00:00:00:00:01')).toBe('');
    expect(await output('fdb', 'show')).toBe(
      ' Port  VLAN  MAC                Age\n' +
        '    1    10  02:00:00:00:00:01  static\n    1    11  02:00:00:00:00:01  static\n',
    );
    expect(await json('fdb', 'show', 'br0')).toMatchObject([
      { vlan: 10, isStatic: true, portName: 's1' },
      { vlan: 11 },
    ]);
    expect(await output('fdb', 'stats-show')).toContain('in the table: 2/8192\n');
    expect(await json('fdb', 'stats-show', 'br0')).toMatchObject({
      bridge: 'br0',
      entryCount: 2,
      staticCount: 2,
    });
    expect(await output('fdb', 'flush')).toBe('table successfully flushed\n');
    expect(await json('fdb', 'flush', 's1')).toEqual({ flushedCount: 0 });
    expect(await output('fdb', 'del', '10', '02:00:00:00:00:01')).toBe('');
    expect(await output('fdb', 'del', 'br0', '11', '02:00:00:00:00:01')).toBe('');
    expect(await output('fdb', 'show')).toBe(' Port  VLAN  MAC                Age\n');
    expect(await json('fdb', 'show')).toEqual([]);
  });

  it('are refused', async () => {
    expect(await refusal(2, 'fdb', 'add', 's1', '4096', '02:00:00:00:00:01')).toContain('0 to 4095');
    expect(await refusal(2, 'fdb', 'add', 's1', '1')).toContain('missing argument mac');
    expect(await refusal(1, 'fdb', 'show', 'br9')).toBe('no bridge named br9');
    expect(await refusal(1, 'fdb', 'del', '1', '02:00:00:00:00:09')).toBe('could not find static mac entry');
  });
});

describe('the daemon', () => {
  it('tells its status', async () => {
    const text = await output('status');
    expect(text).toMatch(
      /^tsswitch 0\.1\.0 runs: pid \d+, up \d+ s, 2 bridges, 1 port\nsocket \/.*\nstate \/.*\n$/,
    );
    const { socketPath, stateDirectory } = test;
    expect(await json('status')).toMatchObject({
      pid: process.pid,
      socketPath,
      stateDirectory,
      bridgeCount: 2,
    });
  });

  it('need not run for the version', async () => {
    expect(await runCommand('version', '--socket', '/nowhere')).toMatchObject({ stdout: 'tsswitch 0.1.0\n' });
    expect(await json('version')).toEqual({ version: '0.1.0' });
  });

  it('is missed by every other command in one sentence', async () => {
    const socketPath = `${test.directory}/none.sock`;
    for (const args of [['show'], ['stop'], ['status'], ['add-port', 'x'], ['dump-flows'], ['fdb', 'show']]) {
      expect(await runCommand('--socket', socketPath, ...args)).toEqual({
        stdout: '',
        sentence: `no switch answers at ${socketPath}: start one with 'tsswitch start'`,
        exitCode: 1,
      });
    }
  });
});

it('wrong command lines are told apart from failures', async () => {
  expect(await refusal(2, 'fly')).toContain("unknown command 'fly'");
  expect(await refusal(2, 'show', '--fast')).toContain("unknown option '--fast'");
  expect(await refusal(2, 'ad-port', 'x')).toContain('Did you mean add-port?');
});
