// What: bundles, groups, meters, tables, traces and events as clients meet them: real gRPC over the socket of a daemon
// whose datapath needs no root.

import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { SwitchClient } from '../../src/control/client.ts';
import type { SwitchEvent } from '../../src/datapath/index.ts';
import {
  BundleService,
  EventService,
  GroupService,
  MeterService,
  PortService,
  TableService,
  TraceService,
  tsswitch,
} from '../../src/generated/services.ts';
import { parseFlow } from './fake-tables.ts';
import { TestDaemon } from './test-daemon.ts';

let test: TestDaemon;
let client: SwitchClient;

beforeEach(async () => {
  test = new TestDaemon();
  client = await test.start();
});

afterEach(() => test.cleanUp());

const refused = (code: number, message: string | RegExp) =>
  expect.objectContaining({ name: 'RpcError', status: code, message: expect.stringMatching(message) });

describe('bundles', () => {
  const { applyBundle } = BundleService;
  const { BUNDLE_SYNTAX_BUNDLE, BUNDLE_SYNTAX_GROUPS } = tsswitch.v1.BundleSyntax;
  const flows = () => test.datapath.flows.all.map(({ match, actions }) => `${match} ${actions}`);

  it('apply the lines of many messages at once', async () => {
    const lines = (from: number, to: number) => {
      const numbers = Array.from({ length: to - from }, (_, i) => from + i);
      return numbers.map((i) => `tp_dst=${i} actions=drop\n`).join('');
    };
    const requests = [
      { source: 'f', text: lines(0, 1500) },
      { text: '# comment\n\n' },
      { text: lines(1500, 1502) },
      { text: 'delete tp_dst=3', commit: true },
    ];
    const result = await client.upload(applyBundle, requests);
    expect(result).toMatchObject({ changeCount: 1503, deletedFlowCount: 1 });
    expect(test.datapath.flows.all).toHaveLength(1501);
    const replaced = await client.upload(applyBundle, [
      { replaceFlows: true, text: 'tcp actions=drop\n', commit: true },
    ]);
    expect(replaced).toMatchObject({ changeCount: 1, deletedFlowCount: 1501 });
    expect(flows()).toEqual(['tcp drop']);
  });

  it('name the line that is wrong, and change nothing', async () => {
    const good = `${'tcp actions=drop\n'.repeat(1200)}`;
    const requests = [{ source: 'flows.txt', text: good }, { text: '\nudp\n' }, { commit: true }];
    await expect(client.upload(applyBundle, requests)).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, /^flows\.txt:1202: must specify an action$/),
    );
    await expect(client.upload(applyBundle, [{ bridge: 'br9', commit: true }])).rejects.toEqual(
      refused(status.NOT_FOUND, 'no bridge named br9'),
    );
    const syntax = 99 as tsswitch.v1.BundleSyntax;
    await expect(client.upload(applyBundle, [{ syntax, commit: true }])).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'no bundle syntax with the number 99'),
    );
    expect([flows(), test.datapath.bundles.size]).toEqual([[], 0]);
  });

  it('change nothing without a commit, or when the caller goes away', async () => {
    await expect(client.upload(applyBundle, [{ text: 'tcp actions=drop\n' }])).rejects.toEqual(
      refused(status.INVALID_ARGUMENT, 'ended without a commit'),
    );
    const broken = async function* () {
      yield { text: 'tcp actions=drop\n' };
      for (let waited = 0; test.datapath.bundles.size === 0 && waited < 1000; waited++) {
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      throw new Error('the file ended');
    };
    await expect(client.upload(applyBundle, broken())).rejects.toThrow('the file ended');
    await vi.waitFor(() => expect(test.datapath.bundles.size).toBe(0));
    expect(flows()).toEqual([]);
  });

  it('stop reading when the switch has refused', async () => {
    let sent = 0;
    const endless = async function* () {
      for (;;) {
        yield { bridge: 'br9', text: 'x'.repeat(1 << 16) };
        sent++;
      }
    };
    await expect(client.upload(applyBundle, endless())).rejects.toEqual(
      refused(status.NOT_FOUND, 'no bridge named br9'),
    );
    expect(sent).toBeLessThan(1000);
  });

  it('hold flows, groups and meters, or groups alone', async () => {
    const text =
      'group add group_id=1,type=all\nflow add tcp actions=group:1\nmeter add meter=1 pktps bands=\n';
    const request = { syntax: BUNDLE_SYNTAX_BUNDLE, text, commit: true };
    expect(await client.upload(applyBundle, [request])).toMatchObject({ changeCount: 3 });
    expect(flows()).toEqual(['tcp group:1']);
    expect(test.datapath.meters.all.map(({ id }) => id)).toEqual([1]);
    const groups = 'group_id=2,type=all\n# none\ndelete group_id=1\n';
    await client.upload(applyBundle, [{ syntax: BUNDLE_SYNTAX_GROUPS, text: groups, commit: true }]);
    expect(test.datapath.groups.all.map(({ id }) => id)).toEqual([2]);
  });
});

describe('groups, meters and tables', () => {
  it('are changed, listed and counted', async () => {
    const group = 'group_id=5,type=all,bucket=actions=output:1';
    await client.call(GroupService.modGroup, { group });
    await client.call(GroupService.modGroup, { group: 'group_id=6,type=all' });
    const { groups } = await client.call(GroupService.listGroups, { groupIds: [5] });
    expect(groups).toMatchObject([{ groupId: 5, text: group }]);
    const stats = await client.call(GroupService.listGroupStats, {});
    expect(stats.groups).toMatchObject([
      { groupId: 5, durationSeconds: 1.5, referenceCount: 2, buckets: [{ packets: 6 }, { bytes: 256 }] },
      { groupId: 6 },
    ]);
    const command = tsswitch.v1.GroupModCommand.GROUP_MOD_COMMAND_DELETE;
    await client.call(GroupService.modGroup, { command });
    expect((await client.call(GroupService.listGroups, {})).groups).toEqual([]);

    const meter = 'meter=1 pktps bands=\ntype=drop rate=1';
    await client.call(MeterService.modMeter, { meter });
    expect((await client.call(MeterService.listMeters, { meterId: 1 })).meters).toMatchObject([
      { meterId: 1, text: meter },
    ]);
    expect((await client.call(MeterService.listMeterStats, {})).meters).toMatchObject([
      { meterId: 1, flowCount: 1, packets: 5, bytes: 300, durationSeconds: 2, bands: [{ packets: 1 }] },
    ]);
  });

  it('of tables limits are set and taken away', async () => {
    const { OVERFLOW_POLICY_EVICT, OVERFLOW_POLICY_REFUSE } = tsswitch.v1.OverflowPolicy;
    const table = async () => (await client.call(TableService.listTables, {})).tables[3];
    expect(await table()).toMatchObject({ flowLimit: 0, overflowPolicy: OVERFLOW_POLICY_REFUSE });
    await client.call(TableService.setTable, {
      tableId: 3,
      flowLimit: 9,
      name: 'acl',
      overflowPolicy: OVERFLOW_POLICY_EVICT,
    });
    const limited = { name: 'acl', flowLimit: 9, overflowPolicy: OVERFLOW_POLICY_EVICT };
    expect(await table()).toMatchObject(limited);
    await client.call(TableService.setTable, { tableId: 3, noFlowLimit: true });
    expect(await table()).toMatchObject({ ...limited, flowLimit: 0 });
  });

  it('ports are changed', async () => {
    const { PORT_CONFIG_DOWN, PORT_CONFIG_NO_FLOOD, PORT_CONFIG_NO_FORWARD } = tsswitch.v1.PortConfig;
    await client.call(PortService.modPort, { port: 'br0', set: [PORT_CONFIG_NO_FORWARD, PORT_CONFIG_DOWN] });
    await client.call(PortService.modPort, {
      port: '65534',
      set: [PORT_CONFIG_NO_FLOOD],
      clear: [PORT_CONFIG_NO_FORWARD],
    });
    const { ports } = await client.call(PortService.listPorts, {});
    expect(ports[0]?.config).toEqual([PORT_CONFIG_DOWN, PORT_CONFIG_NO_FLOOD]);
  });
});

describe('frames', () => {
  it('are traced and sent', async () => {
    const trace = await client.call(TraceService.trace, { flow: 'in_port=1 00' });
    expect(trace).toMatchObject({
      text: 'Flow: in_port=1 00\n\nbridge("br0")\n',
      datapathActions: 'drop',
      dropReason: 'table-miss',
      dropExplanation: expect.stringContaining('No flow matches'),
    });
    await client.call(TraceService.packetOut, { text: 'packet=00' });
    expect(test.datapath.packetOuts).toEqual(['packet=00']);
  });

  it('leave megaflows', async () => {
    const entry = { flow: 'recirc_id(0)', packets: 1, bytes: 60, actions: 'drop' };
    test.datapath.datapathFlows.push({ ...entry, usedSeconds: 1.25 }, { ...entry, usedSeconds: undefined });
    const found = [];
    for await (const page of client.stream(TraceService.listDatapathFlows, {})) found.push(...page.flows);
    expect(found).toMatchObject([
      { ...entry, usedSeconds: 1.25 },
      { ...entry, neverUsed: true },
    ]);
  });

  const packetIn = (sequence: number, bridge = 'br0'): SwitchEvent => ({
    kind: 'packet-in',
    sequence,
    bridge,
    timeMs: 1,
    reason: 'action',
    tableId: 2,
    cookie: '0x7',
    inPort: 1,
    controllerId: 0,
    totalLength: 60,
    data: new Uint8Array([1, 2, 3]),
    userdata: new Uint8Array(),
    metadata: 'reg0=0x1',
  });

  it('and flows make events', async () => {
    const flow = parseFlow('tcp,actions=drop');
    test.datapath.events.push(packetIn(3), packetIn(4, 'br1'), {
      kind: 'flow-removed',
      sequence: 5,
      bridge: 'br0',
      timeMs: 9,
      reason: 'idle_timeout',
      flow,
    });
    const found = [];
    let lost = 0;
    for await (const { events, lostCount } of client.stream(EventService.listEvents, { bridge: 'br0' })) {
      found.push(...events);
      lost += lostCount;
    }
    const reason = tsswitch.v1.FlowRemovedReason.FLOW_REMOVED_REASON_IDLE_TIMEOUT;
    expect(found).toMatchObject([
      { sequence: 3, packetIn: { totalLengthBytes: 60, data: Buffer.from([1, 2, 3]), cookie: '0x7' } },
      { sequence: 5, packetIn: null, flowRemoved: { reason, flow: { match: 'tcp' } } },
    ]);
    expect(lost).toBe(2);
  });

  it('are followed until the caller goes away', async () => {
    test.datapath.events.push(packetIn(1));
    const seen: number[] = [];
    for await (const { events } of client.stream(EventService.listEvents, { follow: true })) {
      seen.push(...events.map(({ sequence }) => sequence));
      if (seen.length === 3) break;
      test.datapath.events.push(packetIn(seen.length + 1));
    }
    expect(seen).toEqual([1, 2, 3]);
    await test.stop();
  });

  it('are followed from now on', async () => {
    for (let sequence = 1; sequence <= 5; sequence++) test.datapath.events.push(packetIn(sequence));
    const next = client.stream(EventService.listEvents, { follow: true, onlyNew: true }).next();
    setTimeout(() => test.datapath.events.push(packetIn(6)), 100);
    expect((await next).value?.events.map(({ sequence }: { sequence: number }) => sequence)).toEqual([6]);
  });
});
