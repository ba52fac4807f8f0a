// What: text output is that of ovs-vsctl, ovs-ofctl and ovs-appctl. The samples were printed by Open vSwitch 3.1,
// except for what OVS has and tsswitch has not (idle_age, current speed), and for counters that are unknown here.

import { describe, expect, it } from 'vitest';
import { formatDrops } from '../../cli/format/drops.ts';
import { FDB_HEADER, formatFdbEntry, formatFdbStats } from '../../cli/format/fdb.ts';
import { jsonList } from '../../cli/format/json.ts';
import { formatOverview } from '../../cli/format/overview.ts';
import { formatPortDescriptions, formatPortStats } from '../../cli/format/ports.ts';
import { type Bridge, type Port, type PortStats, tsswitch } from '../../src/generated/services.ts';

const { FailMode, PortType } = tsswitch.v1;

describe('dump-ports', () => {
  const port = (ofport: number, change: Partial<PortStats> = {}): PortStats => ({
    bridge: 'br0',
    name: `p${ofport}`,
    ofport,
    rxPackets: 0,
    rxBytes: 0,
    rxDropped: 0,
    rxErrors: 0,
    txPackets: 0,
    txBytes: 0,
    txDropped: 0,
    txErrors: 0,
    ...change,
  });

  it('prints counters as ovs-ofctl', () => {
    const ports = [
      port(1, { rxPackets: 9, rxBytes: 726, txPackets: 23, txBytes: 1862 }),
      port(12),
      port(65534, { rxPackets: 8, rxBytes: 656, txPackets: 14, txBytes: 1096, txDropped: 1 }),
    ];
    expect(formatPortStats(ports)).toBe(
      `OFPST_PORT reply (xid=0x2): 3 ports
  port LOCAL: rx pkts=8, bytes=656, drop=0, errs=0, frame=?, over=?, crc=?
           tx pkts=14, bytes=1096, drop=1, errs=0, coll=?
  port  1: rx pkts=9, bytes=726, drop=0, errs=0, frame=?, over=?, crc=?
           tx pkts=23, bytes=1862, drop=0, errs=0, coll=?
  port 12: rx pkts=0, bytes=0, drop=0, errs=0, frame=?, over=?, crc=?
           tx pkts=0, bytes=0, drop=0, errs=0, coll=?
`,
    );
  });
});

const UP = { attached: true, adminUp: true, up: true, mtuBytes: 1500, ifindex: 3, error: '', address: '' };

function port(name: string, change: Partial<Port> = {}): Port {
  return { bridge: 'br0', name, type: PortType.PORT_TYPE_SYSTEM, ofport: 1, link: UP, config: [], ...change };
}

describe('dump-ports-desc', () => {
  it('prints ports as ovs-ofctl', () => {
    const down = { ...UP, adminUp: false, up: false, address: '52:e5:e2:71:87:c9' };
    const ports = [
      port('br0', { ofport: 65534, link: { ...UP, address: 'ca:c6:56:c5:a7:49' } }),
      port('s2', { ofport: 2, link: { ...UP, address: '6e:69:10:8d:1b:2f' } }),
      port('s1', { link: down }),
    ];
    expect(formatPortDescriptions(ports)).toBe(
      `OFPST_PORT_DESC reply (xid=0x2):
 1(s1): addr:52:e5:e2:71:87:c9
     config:     PORT_DOWN
     state:      LINK_DOWN
     speed: 0 Mbps now, 0 Mbps max
 2(s2): addr:6e:69:10:8d:1b:2f
     config:     0
     state:      0
     speed: 0 Mbps now, 0 Mbps max
 LOCAL(br0): addr:ca:c6:56:c5:a7:49
     config:     0
     state:      0
     speed: 0 Mbps now, 0 Mbps max
`,
    );
  });
});

const bridge = (name: string, failMode = FailMode.FAIL_MODE_STANDALONE): Bridge => ({
  name,
  failMode,
  datapathId: '0000020000000001',
  address: '02:00:00:00:00:01',
  protocols: [],
  macAgeSeconds: 300,
  macTableSize: 8192,
});
const identity = {
  systemUuid: '4e2f316d-c9dd-463c-be37-6ec8e6e3549b',
  version: '0.1.0',
  pid: 1,
  uptimeSeconds: 1,
  stateDirectory: '',
  bridgeCount: 2,
  portCount: 3,
};

describe('show', () => {
  it('prints bridges and ports as ovs-vsctl', () => {
    const type = PortType.PORT_TYPE_INTERNAL;
    const absent = {
      ...UP,
      up: false,
      attached: false,
      error: 'could not open network device nodev (No such device)',
    };
    const ports = [
      port('1br', { bridge: '1br', type, ofport: 65534 }),
      port('s1'),
      port('nodev', { link: absent }),
      port('br0', { type, ofport: 65534 }),
      port('tap0', { type: PortType.PORT_TYPE_TAP, link: { ...UP, up: false } }),
    ];
    const bridges = [bridge('1br', FailMode.FAIL_MODE_SECURE), bridge('br0')];
    expect(formatOverview(identity, bridges, ports)).toBe(
      `4e2f316d-c9dd-463c-be37-6ec8e6e3549b
    Bridge "1br"
        fail_mode: secure
        Port "1br"
            Interface "1br"
                type: internal
    Bridge br0
        Port s1
            Interface s1
        Port nodev
            Interface nodev
                error: "could not open network device nodev (No such device)"
                link_state: down
        Port br0
            Interface br0
                type: internal
        Port tap0
            Interface tap0
                type: tap
                link_state: down
    tsswitch_version: "0.1.0"
`,
    );
  });
});

describe('show of chosen settings', () => {
  it('prints them under the bridge', () => {
    const chosen = {
      ...bridge('br0'),
      datapathId: '00000000000000ff',
      protocols: ['OpenFlow10', 'OpenFlow13'],
    };
    const one = { ...bridge('br1'), protocols: ['OpenFlow13'] };
    expect(formatOverview(identity, [chosen, one], [])).toBe(
      `4e2f316d-c9dd-463c-be37-6ec8e6e3549b
    Bridge br0
        datapath_id: "00000000000000ff"
        protocols: [OpenFlow10, OpenFlow13]
    Bridge br1
        protocols: OpenFlow13
    tsswitch_version: "0.1.0"
`,
    );
  });
});

describe('fdb', () => {
  it('prints addresses as ovs-appctl', () => {
    const entry = {
      ofport: 1,
      portName: 's1',
      vlan: 0,
      mac: '8a:7d:d2:6f:6f:6a',
      ageSeconds: 5,
      isStatic: false,
    };
    const entries = [
      entry,
      { ...entry, ofport: 65534, vlan: 4095, mac: 'ca:c6:56:c5:a7:49', ageSeconds: 120 },
      { ...entry, mac: '02:00:00:00:00:01', isStatic: true, ageSeconds: 0 },
    ];
    expect(FDB_HEADER + entries.map(formatFdbEntry).join('')).toBe(
      ` Port  VLAN  MAC                Age
    1     0  8a:7d:d2:6f:6f:6a    5
LOCAL  4095  ca:c6:56:c5:a7:49  120
    1     0  02:00:00:00:00:01  static
`,
    );
  });

  it('prints statistics as ovs-appctl', () => {
    const stats = { bridge: 'br0', entryCount: 4, maximumCount: 8192, staticCount: 1, learnedTotal: 3 };
    expect(formatFdbStats({ ...stats, expiredTotal: 0, evictedTotal: 5, movedTotal: 6 })).toBe(
      `Statistics for bridge "br0":
  Current/maximum MAC entries in the table: 4/8192
  Current static MAC entries in the table : 1
  Total number of learned MAC entries     : 3
  Total number of expired MAC entries     : 0
  Total number of evicted MAC entries     : 5
  Total number of port moved MAC entries  : 6
`,
    );
  });
});

it('drops are a table with the reason as a sentence', () => {
  const drop = {
    bridge: 'br0',
    port: 's1',
    ofport: 1,
    reason: 'table-miss',
    explanation: 'No flow.',
    count: 1234,
  };
  expect(
    formatDrops([drop, { ...drop, port: 'veth100', reason: 'tx-error', explanation: 'No.', count: 5 }]),
  ).toBe(
    ` Bridge  Port     Reason      Frames  Why
 br0     s1       table-miss    1234  No flow.
 br0     veth100  tx-error         5  No.
`,
  );
});

it.each([[[]], [[[1]]], [[[1, 2], [], [3]]]])(
  'a JSON list of pages %j is valid',
  async (pages: number[][]) => {
    const replies = (async function* () {
      yield* pages;
    })();
    let text = '';
    for await (const part of jsonList(replies, (page) => page)) text += part;
    expect(JSON.parse(text)).toEqual(pages.flat());
    expect(text.endsWith('\n')).toBe(true);
  },
);
