// What: the daemon as its clients meet it: real gRPC over its socket, over a datapath that needs no root.

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials, makeGenericClientConstructor, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RpcError, SwitchClient } from '../../src/control/client.ts';
import { SwitchError } from '../../src/datapath/index.ts';
import {
  BridgeService,
  FdbService,
  FlowService,
  PortService,
  StatsService,
  SwitchService,
  tsswitch,
} from '../../src/generated/services.ts';
import { parseFlow } from './fake-tables.ts';
import { TestDaemon } from './test-daemon.ts';

const { FailMode, FlowModCommand, PortType } = tsswitch.v1;

let test: TestDaemon;
let client: SwitchClient;

beforeEach(async () => {
  test = new TestDaemon();
  client = await test.start();
});

afterEach(() => test.cleanUp());

const refused = (code: number, message: string | RegExp) =>
  expect.objectContaining({ name: 'RpcError', status: code, message: expect.stringMatching(message) });

describe('a running switch', () => {
  it('says what it is', async () => {
    expect(test.daemon.readyLine).toBe(
      `tsswitch 0.1.0 ready: socket ${test.socketPath}, bridge br0, 0 ports`,
    );
    const found = await client.call(SwitchService.getSwitch, {});
    const { stateDirectory } = test;
    expect(found).toMatchObject({
      version: '0.1.0',
      pid: process.pid,
      stateDirectory,
      bridgeCount: 1,
      portCount: 0,
    });
    expect(found.uptimeSeconds).toBeGreaterThan(0);
  });

  it('has a socket that only its user can use', () => {
    expect(statSync(test.socketPath).mode & 0o777).toBe(0o600);
  });

  it('adds and lists bridges', async () => {
    const failMode = FailMode.FAIL_MODE_SECURE;
    const { bridge } = await client.call(BridgeService.addBridge, {
      name: 'br1',
      datapathId: 'ff',
      failMode,
    });
    expect(bridge).toMatchObject({
      name: 'br1',
      datapathId: '00000000000000ff',
      failMode,
      macAgeSeconds: 300,
    });
    const { bridges } = await client.call(BridgeService.listBridges, {});
    expect(bridges.map(({ name }) => name)).toEqual(['br0', 'br1']);
    await client.call(BridgeService.deleteBridge, { name: 'br1' });
    expect((await client.call(BridgeService.listBridges, {})).bridges).toHaveLength(1);
  });

  it('adds, lists and deletes ports', async () => {
    const type = PortType.PORT_TYPE_TAP;
    const { port } = await client.call(PortService.addPort, { name: 'tap0', type, ofport: 9 });
    expect(port).toMatchObject({
      bridge: 'br0',
      name: 'tap0',
      type,
      ofport: 9,
      link: { up: true, mtuBytes: 1500 },
    });
    const { ports } = await client.call(PortService.listPorts, { bridge: 'br0' });
    expect(ports.map(({ name }) => name)).toEqual(['br0', 'tap0']);
    await client.call(PortService.deletePort, { name: 'tap0' });
    expect((await client.call(PortService.listPorts, {})).ports).toHaveLength(1);
  });

  it('refuses an enumeration that it does not know', async () => {
    const request = { name: 'x', type: 99 as tsswitch.v1.PortType };
    await expect(client.call(PortService.addPort, request)).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'This switch knows no port type with the number 99.'),
    );
  });

  it('adds and deletes addresses', async () => {
    const entry = { vlan: 10, mac: '02:00:00:00:00:01' };
    await client.call(FdbService.addFdbEntry, { port: 'br0', ...entry });
    await client.call(FdbService.addFdbEntry, { port: 'br0', ...entry, vlan: 11 });
    const entries = [];
    for await (const page of client.stream(FdbService.listFdb, {})) entries.push(...page.entries);
    expect(entries).toMatchObject([{ ...entry, portName: 'br0', isStatic: true }, { vlan: 11 }]);
    const stats = await client.call(FdbService.getFdbStats, { bridge: 'br0' });
    expect(stats).toMatchObject({ entryCount: 2, staticCount: 2, maximumCount: 8192, movedTotal: 2 });
    expect((await client.call(FdbService.flushFdb, {})).flushedCount).toBe(0);
    await client.call(FdbService.deleteFdbEntry, entry);
    await expect(client.call(FdbService.deleteFdbEntry, entry)).rejects.toEqual(
      refused(status.NOT_FOUND, 'could not find static mac entry'),
    );
  });

  it('reports counters and drops, exact up to 2^53', async () => {
    const { port } = await client.call(PortService.addPort, { name: 'p' });
    const { stats } = test.datapath.ports.find(({ name }) => name === 'p')!;
    Object.assign(stats, {
      rxPackets: 2 ** 53 - 1,
      txBytes: 2 ** 32,
      drops: { 'table-miss': 3, 'rx-too-short': 1 },
    });
    const { ports } = await client.call(StatsService.listPortStats, { bridge: 'br0', port: 'p' });
    expect(ports).toMatchObject([{ name: 'p', rxPackets: 2 ** 53 - 1, txBytes: 2 ** 32, txPackets: 0 }]);
    const byNumber = await client.call(StatsService.listPortStats, { port: String(port!.ofport) });
    expect(byNumber.ports).toEqual(ports);
    expect((await client.call(StatsService.listPortStats, { port: 'local' })).ports[0]).toMatchObject({
      name: 'br0',
    });
    const { drops } = await client.call(StatsService.listDrops, {});
    expect(drops).toMatchObject([
      { port: 'p', reason: 'rx-too-short', count: 1, explanation: expect.stringContaining('14 bytes') },
      { port: 'p', reason: 'table-miss', count: 3 },
    ]);
    expect(await client.call(StatsService.getDatapathStats, {})).toMatchObject({
      cacheHits: 2 ** 53 - 1,
      megaflowHits: 7,
      megaflowCount: 4,
      megaflowMaskCount: 2,
      packetIns: 3,
    });
    await expect(client.call(StatsService.listPortStats, { port: 'nix' })).rejects.toEqual(
      refused(status.NOT_FOUND, 'no port named nix'),
    );
  });

  it('answers a method that it does not have', async () => {
    const unknown = { ...SwitchService.getSwitch, path: '/tsswitch.v1.SwitchService/Fly' };
    await expect(client.call(unknown, {})).rejects.toEqual(refused(status.UNIMPLEMENTED, 'Fly'));
  });

  it('answers a sentence with any characters in it', async () => {
    await expect(client.call(BridgeService.deleteBridge, { name: '50 % ü\n"' })).rejects.toEqual(
      refused(status.NOT_FOUND, /^no bridge named 50 % ü\n"$/),
    );
  });
});

describe('flows', () => {
  const FLOW_COUNT = 5001;

  beforeEach(() => {
    for (let i = 0; i < FLOW_COUNT; i++) test.datapath.flows.all.push(parseFlow(`in_port=${i},actions=drop`));
  });

  async function matches(request: { match?: string } = {}): Promise<string[]> {
    const found: string[] = [];
    for await (const { flows } of client.stream(FlowService.listFlows, request)) {
      found.push(...flows.map(({ match }) => match));
    }
    return found;
  }

  it('are listed completely and in order, page by page', async () => {
    expect(await matches()).toEqual(Array.from({ length: FLOW_COUNT }, (_, i) => `in_port=${i}`));
    expect(test.datapath.flowPages).toBe(Math.ceil(FLOW_COUNT / 2));
  });

  it('are listed no further when the client leaves', async () => {
    for await (const { flows } of client.stream(FlowService.listFlows, {})) {
      expect(flows).toHaveLength(2);
      break;
    }
    // Another call goes through the same connection, so the server has seen the cancellation after it.
    await client.call(SwitchService.getSwitch, {});
    const pagesThen = test.datapath.flowPages;
    await client.call(SwitchService.getSwitch, {});
    expect(test.datapath.flowPages).toBe(pagesThen);
    expect(pagesThen).toBeLessThan(FLOW_COUNT / 2);
  });

  it('are dumped as text, as fast as they are read', async () => {
    let text = '';
    for await (const page of client.stream(FlowService.dumpFlows, { withoutStats: true })) text += page.text;
    const lines = Array.from({ length: FLOW_COUNT }, (_, i) => ` in_port=${i} actions=drop\n`);
    expect(text).toBe(lines.join(''));
  });

  it('are added, selected, changed and deleted by text', async () => {
    await client.call(FlowService.modFlow, { flow: 'tcp,actions=output:2' });
    expect(await matches({ match: 'tcp' })).toEqual(['tcp']);
    const modify = FlowModCommand.FLOW_MOD_COMMAND_MODIFY;
    const flow = 'tcp,actions=drop';
    expect((await client.call(FlowService.modFlow, { command: modify, flow })).changedCount).toBe(1);
    expect(await client.call(FlowService.aggregateFlows, { match: 'tcp' })).toMatchObject({
      packets: 3,
      bytes: 180,
      flowCount: 1,
    });
    const command = FlowModCommand.FLOW_MOD_COMMAND_DELETE;
    expect((await client.call(FlowService.modFlow, { command, flow: 'tcp' })).changedCount).toBe(1);
    expect((await client.call(FlowService.modFlow, { command })).changedCount).toBe(FLOW_COUNT);
    expect(await matches()).toEqual([]);
  });

  it('are parsed and normalized without being added', async () => {
    const flow = 'tcp,actions=output:2';
    const text = 'ADD tcp actions=output:2';
    expect(await client.call(FlowService.parseFlow, { flow, asWritten: true })).toMatchObject({
      text,
      chosenProtocol: '',
    });
    expect(await client.call(FlowService.parseFlow, { flow })).toMatchObject({
      text,
      usableProtocols: 'any',
      chosenProtocol: 'OpenFlow10-table_id',
      messageName: 'OFPT_FLOW_MOD',
    });
    const file = '# flows\n\ntcp actions=drop # all of them\r\ndelete_strict udp,actions=drop\n';
    expect(await client.call(FlowService.parseFlows, { text: file })).toMatchObject({
      texts: ['ADD tcp actions=drop', 'DELETE_STRICT udp actions=drop'],
      chosenProtocol: 'OpenFlow10-table_id',
    });
    const mixed = { text: 'tcp actions=drop\nudp,actions=meter:1\n' };
    expect(await client.call(FlowService.parseFlows, mixed)).toMatchObject({
      texts: ['ADD tcp actions=drop', 'ADD udp actions=meter:1'],
      usableProtocols: 'OXM-OpenFlow13',
      chosenProtocol: 'OXM-OpenFlow13',
    });
    const lines = 'NXST_FLOW reply (xid=0x4):\n table=1, priority=5,tcp actions=drop\n';
    const normalized = await client.call(FlowService.normalizeFlows, { text: lines });
    expect(normalized.text).toBe(' table=1, priority=5,tcp actions=drop\n');
    const wrong = { text: '\ntcp\n', firstLine: 10, source: 'x.txt' };
    for (const method of [FlowService.parseFlows, FlowService.normalizeFlows] as const) {
      await expect(client.call(method as typeof FlowService.parseFlows, wrong)).rejects.toEqual(
        refused(status.INVALID_ARGUMENT, 'x.txt:11: must specify an action'),
      );
    }
    expect(test.datapath.flows.all).toHaveLength(FLOW_COUNT);
  });

  it('are refused with the sentence of the parser', async () => {
    await expect(client.call(FlowService.modFlow, { flow: 'tcp' })).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'must specify an action'),
    );
    const command = 99 as tsswitch.v1.FlowModCommand;
    await expect(client.call(FlowService.modFlow, { command, flow: 'tcp' })).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'This switch knows no flow command with the number 99.'),
    );
    const missing = client.stream(FlowService.listFlows, { bridge: 'br9' });
    await expect(missing.next()).rejects.toEqual(refused(status.NOT_FOUND, 'no bridge named br9'));
  });
});

it('any gRPC client can use the switch', async () => {
  const Client = makeGenericClientConstructor(BridgeService, 'BridgeService');
  const other = new Client(`unix:${test.socketPath}`, credentials.createInsecure()) as unknown as {
    addBridge(request: object, done: (error: ServiceError | null, response: object) => void): void;
    close(): void;
  };
  const add = () =>
    new Promise<ServiceError | object>((resolve) => {
      other.addBridge({ name: 'br7' }, (error, response) => resolve(error ?? response));
    });
  expect(await add()).toMatchObject({ bridge: { name: 'br7' } });
  expect(await add()).toMatchObject({ code: status.ALREADY_EXISTS, details: expect.stringContaining('br7') });
  other.close();
});

describe('start and stop', () => {
  it('bring bridges and ports back', async () => {
    await client.call(BridgeService.addBridge, { name: 'br1' });
    await client.call(PortService.addPort, { name: 'p', bridge: 'br1', ofport: 4 });
    const { systemUuid } = await client.call(SwitchService.getSwitch, {});
    await test.stop();
    client = await test.start();
    expect(test.daemon.readyLine).toContain('2 bridges, 1 port');
    expect(await client.call(SwitchService.getSwitch, {})).toMatchObject({ systemUuid, portCount: 1 });
    const { ports } = await client.call(PortService.listPorts, { bridge: 'br1' });
    expect(ports).toMatchObject([
      { name: 'br1', ofport: 65534 },
      { name: 'p', ofport: 4 },
    ]);
  });

  it('leave neither socket nor datapath behind', async () => {
    const { datapath } = test;
    const { pid } = await client.call(SwitchService.stop, {});
    expect(pid).toBe(process.pid);
    await client.closed();
    expect(await test.daemon.stopped).toBeUndefined();
    expect(existsSync(test.socketPath)).toBe(false);
    expect(datapath.closed).toBe(true);
  });

  it('end with the reason when the datapath dies', async () => {
    test.datapath.die(new Error('out of memory'));
    expect((await test.daemon.stopped)?.message).toBe('out of memory');
    expect(existsSync(test.socketPath)).toBe(false);
  });

  it('refuse a second switch on the same state', async () => {
    const socketPath = join(test.directory, 'other.sock');
    await expect(test.start({ socketPath })).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringContaining(`Another switch uses the state in ${test.stateDirectory}`),
    });
    expect(existsSync(socketPath)).toBe(false);
  });

  it('refuse a second switch on the same socket, and close what they opened', async () => {
    const stateDirectory = join(test.directory, 'other-state');
    await expect(test.start({ stateDirectory })).rejects.toThrow(
      `Another program answers at ${test.socketPath}`,
    );
    await client.call(SwitchService.getSwitch, {});
  });

  it('close the datapath when the state is of a newer version', async () => {
    await test.stop();
    writeFileSync(join(test.stateDirectory, 'state.json'), '{"version": 1000}');
    await expect(test.start()).rejects.toThrow('was written by a newer tsswitch');
    expect(test.datapath.closed).toBe(true);
    expect(existsSync(test.socketPath)).toBe(false);
  });

  it('close all when the group does not exist', async () => {
    await test.stop();
    await expect(test.start({ group: 'no-such-group-here' })).rejects.toThrow('There is no group');
    expect(test.datapath.closed).toBe(true);
    expect(existsSync(test.socketPath)).toBe(false);
  });

  it('tell about a damaged state and start with br0', async () => {
    await client.call(BridgeService.addBridge, { name: 'br1' });
    await test.stop();
    writeFileSync(join(test.stateDirectory, 'state.json'), '{');
    client = await test.start();
    expect(test.notices).toEqual([expect.stringContaining('was damaged')]);
    expect((await client.call(BridgeService.listBridges, {})).bridges).toMatchObject([{ name: 'br0' }]);
  });

  it('tell about ports that could not be opened', async () => {
    await client.call(PortService.addPort, { name: 'p' });
    await test.stop();
    test.datapath.closed = false;
    test.datapath.ports.length = 0;
    test.datapath.broken.set('p', new SwitchError('permission-denied', 'p needs root.'));
    await test.start();
    expect(test.notices).toEqual(['Port p: p needs root.']);
  });
});

describe('a client', () => {
  it('without a switch is told how to start one', async () => {
    const path = join(test.directory, 'none.sock');
    const lonely = new SwitchClient(path);
    await expect(lonely.call(SwitchService.getSwitch, {})).rejects.toEqual(
      refused(status.UNAVAILABLE, `no switch answers at ${path}: start one with 'tsswitch start'`),
    );
    await expect(lonely.call(SwitchService.getSwitch, {})).rejects.toBeInstanceOf(RpcError);
    lonely.close();
  });
});
