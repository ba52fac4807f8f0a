// What: packet-ins, packet-outs and removed flows as the control plane sees them. Why: a controller acts on them, so
// none may be missing without being counted.

import { describe, expect, test } from 'vitest';
import { ethernet, udp } from '../support/frames.ts';
import { errorOf } from './error-of.ts';
import { frameBetween, MemorySwitch, station } from './memory-switch.ts';

const FRAME = frameBetween(1, 2);

function hexOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}

describe('packet-ins', () => {
  test('carry what the flow asks for', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add(
      'cookie=0x1234,in_port=1,actions=set_field:7->reg3,set_field:9->metadata,resubmit(,4)',
      'table=4,cookie=0x99,actions=controller(max_len=20,id=3,userdata=01.02),2',
    );
    expect(lab.send('p1', FRAME, FRAME)).toEqual(['p2', 'p2']);
    const event = {
      kind: 'packet-in',
      bridge: 'br0',
      timeMs: 1000,
      reason: 'action',
      tableId: 4,
      cookie: '0x99',
      inPort: 1,
      controllerId: 3,
      totalLength: FRAME.length,
      data: FRAME, // max_len has no effect, as in Open vSwitch since 2.7
      userdata: Uint8Array.of(1, 2),
      metadata: expect.stringMatching(/reg3=0x7/),
    };
    expect(lab.takeEvents()).toEqual([
      { ...event, sequence: 1 },
      { ...event, sequence: 2 },
    ]);
    expect(lab.takeEvents()).toEqual([]);
    expect(lab.sw.datapathStats()).toMatchObject({ packetIns: 2, lostEvents: 0 });
    expect(lab.balance()).toEqual({ received: 2, accounted: 2 });
  });

  test('show the frame as it is at that moment, and only what is new is listed', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('in_port=1,actions=controller,mod_dl_dst:02:00:00:00:00:09,controller,2');
    lab.send('p1', FRAME);
    const frames = lab
      .takeEvents()
      .map((event) => event.kind === 'packet-in' && hexOf(event.data.slice(0, 6)));
    expect(frames).toEqual(['020000000002', '020000000009']);
    expect(lab.sw.listEvents(1).events).toMatchObject([{ sequence: 2 }]);
    expect(lab.sw.listEvents(99)).toEqual({ events: [], next: 2, lost: 0 });
    expect(lab.balance()).toEqual({ received: 1, accounted: 1 });
  });

  test('that nobody fetches are given up, oldest first, and counted', () => {
    const lab = new MemorySwitch(1, { failMode: 'secure' });
    lab.add('actions=controller');
    for (let i = 0; i < 400; i++) lab.send('p1', ...Array(50).fill(FRAME));
    const { lostEvents, packetIns } = lab.sw.datapathStats();
    expect(packetIns).toBe(20_000);
    expect(lostEvents).toBeGreaterThan(3000);
    const first = lab.sw.listEvents(0);
    expect(first.lost).toBe(lostEvents);
    let seen = 0;
    for (let page = first; page.events.length > 0; page = lab.sw.listEvents(page.next))
      seen += page.events.length;
    expect(seen + lostEvents).toBe(20_000);
    // What was fetched is not lost.
    for (let i = 0; i < 100; i++) lab.send('p1', ...Array(50).fill(FRAME));
    expect(lab.sw.datapathStats().lostEvents).toBe(lostEvents);
  });
});

describe('packet-out', () => {
  test('carries its actions out on the frame', () => {
    const lab = new MemorySwitch(3, { failMode: 'secure' });
    lab.add('in_port=1,actions=3');
    const out = (text: string) => {
      lab.sw.packetOut('br0', text);
      return lab.takeSent().map(({ port, frame }) => [port, hexOf(frame)]);
    };
    const packet = `packet=${hexOf(FRAME)}`;
    expect(out(`in_port=1 ${packet} actions=2`)).toEqual([['p2', hexOf(FRAME)]]);
    expect(out(`in_port=p1,${packet},actions=all`)).toEqual([
      ['br0', hexOf(FRAME)],
      ['p2', hexOf(FRAME)],
      ['p3', hexOf(FRAME)],
    ]);
    expect(out(`in_port=1 ${packet} actions=table`)).toEqual([['p3', hexOf(FRAME)]]);
    expect(lab.packets()).toEqual([1]);
    expect(out(`in_port=controller ${packet} actions=mod_dl_src:${station(9)},p1`)).toEqual([
      ['p1', hexOf(frameBetween(9, 2))],
    ]);
    expect(out(`${packet} actions=drop`)).toEqual([]);
  });

  test.each(['controller', 'none'])(
    'that came on no port (%s) goes the way of NORMAL, and teaches nothing',
    (from) => {
      const lab = new MemorySwitch(3, { failMode: 'secure' });
      const send = (actions: string) => {
        lab.sw.packetOut('br0', `in_port=${from} packet=${hexOf(FRAME)} actions=${actions}`);
        return lab.takeSent().map(({ port }) => port);
      };
      lab.add('actions=normal');
      expect(send('normal')).toEqual(['br0', 'p1', 'p2', 'p3']);
      expect(send('table')).toEqual(['br0', 'p1', 'p2', 'p3']);
      lab.send('p2', frameBetween(2, 9));
      expect(send('normal')).toEqual(['p2']);
      expect(lab.sw.listFdb('br0', 0).items).toHaveLength(1);
      expect(lab.sw.trace('br0', `in_port=${from} ${hexOf(FRAME)}`).text).toContain('Datapath actions: 2\n');
    },
  );

  test.each([
    ['actions=2', /There is no frame/],
    ['packet=12 actions=2', /at least the 14 bytes/],
    ['packet=xyz actions=2', /in hex/],
    [`packet=${hexOf(FRAME)} in_port=nowhere actions=2`, /port number/],
    [`packet=${hexOf(FRAME)} tcp actions=2`, /cannot set tcp/],
    [`packet=${hexOf(FRAME)} actions=group:7`, /no group 7/],
  ])('%s is refused', (text, sentence) => {
    const lab = new MemorySwitch(2);
    expect(errorOf(() => lab.sw.packetOut('br0', text)).message).toMatch(sentence);
  });
});

describe('removed flows', () => {
  test('are told once for each reason, if they asked for it', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.sw.modGroup('br0', 'add', 'group_id=1,type=all,bucket=actions=2');
    lab.add(
      'in_port=1,send_flow_rem,actions=2',
      'in_port=2,send_flow_rem,actions=group:1',
      'arp,actions=drop',
    );
    lab.send('p1', FRAME, FRAME);
    // Neither a replacement nor a modify removes a flow.
    lab.mod('modify', 'in_port=1,actions=local');
    lab.wait(1500);
    lab.delete('in_port=1');
    lab.sw.modGroup('br0', 'delete', '');
    lab.delete('');
    expect(lab.takeEvents()).toMatchObject([
      {
        reason: 'delete',
        flow: { match: 'in_port=1', packets: 2, durationSeconds: 1.5, flags: ['send_flow_rem'] },
      },
      { reason: 'group_delete', flow: { match: 'in_port=2', packets: 0 } },
    ]);
  });

  test('take what they learned along, when they say delete_learned', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add(
      'cookie=1,in_port=1,actions=learn(table=9,cookie=0x77,delete_learned,send_flow_rem,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),2',
    );
    lab.send('p1', FRAME, frameBetween(3, 2));
    expect(lab.dump('table=9')).toHaveLength(2);
    expect(lab.mod('modify', 'cookie=1/-1,actions=drop')).toBe(1);
    expect(lab.dump('table=9')).toEqual([]);
    expect(lab.takeEvents()).toMatchObject([{ reason: 'delete' }, { reason: 'delete' }]);
  });
});

describe('what the control plane can ask', () => {
  test('cached flows of the datapath', () => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add('udp,actions=2', 'actions=drop');
    const datagram = ethernet({
      destination: station(2),
      source: station(1),
      ...udp({ source: '10.0.0.1', destination: '10.0.0.2' }, { sourcePort: 1, destinationPort: 2 }),
    });
    lab.send('p1', datagram, datagram, datagram);
    lab.wait(1000);
    expect(lab.sw.listDatapathFlows('br0', 0)).toMatchObject({
      items: [
        {
          packets: 3,
          bytes: 3 * datagram.length,
          usedSeconds: 1,
          actions: '2',
          flow: expect.stringContaining('in_port(1)'),
        },
      ],
      next: 0,
    });
    expect(lab.sw.listDatapathFlows('', 0).items).toHaveLength(1);
    lab.add('arp,actions=drop');
    expect(lab.sw.listDatapathFlows('br0', 0).items).toEqual([]);
  });

  test.each([
    ['in_port=1,actions=2', [], 'eth_type(0x88b5)'],
    ['in_port=1,actions=2', [{ id: 5 }], 'eth_type(0x8100),encap(eth_type(0x88b5))'],
    [
      'dl_vlan=5,actions=2',
      [{ id: 5, tpid: 0x88a8 }],
      'eth_type(0x88a8),vlan(vid=5),encap(eth_type(0x88b5))',
    ],
  ])('cached flows show the EtherTypes of their frame, looked at or not: %s', (flow, vlans, shown) => {
    const lab = new MemorySwitch(2, { failMode: 'secure' });
    lab.add(flow);
    const addresses = { source: station(1), destination: station(2) };
    lab.send('p1', ethernet({ ...addresses, vlans, type: 0x88b5, payload: new Uint8Array(46) }));
    const flows = lab.sw.listDatapathFlows('br0', 0).items;
    expect(flows.map(({ flow }) => flow)).toEqual([
      `recirc_id(0),in_port(1),packet_type(ns=0,id=0),${shown}`,
    ]);
  });

  test('trace of a frame says what NORMAL would learn', () => {
    const lab = new MemorySwitch(3);
    const trace = (port: number) =>
      lab.sw.trace('br0', `in_port=${port} ${Buffer.from(FRAME).toString('hex')}`).text;
    const learned = (port: number) => `     -> learned that ${station(1)} is on port p${port} in VLAN 0\n`;
    expect(trace(1)).toContain(learned(1));
    expect(trace(1)).toContain(learned(1));
    lab.send('p1', FRAME);
    expect(trace(1)).not.toContain('learned that');
    expect(trace(2)).toContain(learned(2));
    lab.sw.addFdb('br0', 'p1', 0, station(1));
    expect(trace(2)).not.toContain('learned that');
    expect(trace(9)).toContain(
      '     >>>> received packet on unknown port 9 <<<<\n     >> no input bundle, dropping\n',
    );
  });

  test('trace says what a frame would meet, and changes nothing', () => {
    const lab = new MemorySwitch(3);
    const before = [lab.state(), lab.sw.listFdb('br0', 0), lab.sw.datapathStats()];
    const trace = lab.sw.trace('br0', 'in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02');
    expect(trace.text).toContain('bridge("br0")');
    expect(trace.text).toContain('NORMAL');
    expect(trace.datapathActions.split(',')).toHaveLength(3);
    expect(trace.dropReason).toBeUndefined();
    expect([lab.state(), lab.sw.listFdb('br0', 0), lab.sw.datapathStats()]).toEqual(before);
    expect(lab.sw.trace('br0', `in_port=2 ${hexOf(FRAME)}`).flow).toContain('in_port=2');
    lab.add('priority=9,actions=drop');
    expect(lab.sw.trace('br0', 'in_port=1').dropReason).toBe('flow-drop');
  });
});
