// What: random histories of a whole switch: frames, flow mods, groups, links, ports and time in any order. Why: what
// happens between the frames must never lose one, nor make a cached flow lie. One switch lives with its caches, the other
// one has every cached flow made stale before each frame: nobody may be able to tell them apart.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DROP_REASON_NAMES } from '../../src/datapath/drop.ts';
import { DROPS } from '../../src/datapath/port/counters.ts';
import { randomFrame } from '../support/random-frame.ts';
import { PIPELINE_PORTS, type Pipeline, randomPipeline } from '../support/random-pipeline.ts';
import { RandomSource } from '../support/random-source.ts';
import { anyFrame } from './flow/random-frames.ts';
import { frameBetween, MemorySwitch } from './memory-switch.ts';

const PORT_NAMES = ['p1', 'p2', 'p3', 'p4'];
const portName = fc.constantFrom('br0', ...PORT_NAMES);
const MATCHES = [
  '',
  'in_port=1,',
  'dl_src=02:00:00:00:00:01,',
  'dl_dst=02:00:00:00:00:02,',
  'ip,',
  'tcp,',
  'udp,tp_dst=53,',
  'arp,',
  'vlan_tci=0x1000/0x1000,',
  'reg0=1,',
  'metadata=2/2,',
];
const ACTIONS = [
  'normal',
  'drop',
  '1',
  '2,3',
  'flood',
  'in_port',
  'all,in_port',
  'normal,4',
  '9',
  'local',
  'mod_vlan_vid:7,normal',
  'strip_vlan,2',
  'dec_ttl,3',
  'resubmit(,1)',
  'load:1->NXM_NX_REG0[],resubmit(,1),2',
  'group:1',
  'group:2,1',
  'controller(max_len=30),normal',
  'write_metadata:2,goto_table:1',
  'write_actions(output:2,group:1),goto_table:1',
  'learn(table=1,idle_timeout=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[]),resubmit(,1)',
  'learn(table=1,hard_timeout=3,delete_learned,cookie=7,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15]),normal',
];
const SETUP = [
  'group add group_id=1,type=ff,bucket=watch_port:2,actions=2,bucket=watch_port:3,actions=3',
  'group add group_id=2,type=select,bucket=weight:1,actions=1,bucket=weight:2,actions=mod_vlan_pcp:3,4',
];

const flowText = fc
  .record({
    table: fc.nat(1),
    priority: fc.nat(3),
    match: fc.constantFrom(...MATCHES),
    actions: fc.constantFrom(...ACTIONS),
    timeouts: fc.constantFrom('', '', 'idle_timeout=5,', 'hard_timeout=9,'),
  })
  // Only the first table leads on.
  .filter(({ table, actions }) => table === 0 || !/resubmit|goto|learn/.test(actions))
  .map(
    ({ table, priority, match, actions, timeouts }) =>
      `table=${table},priority=${priority},${timeouts}${match}actions=${actions}`,
  );
const smallFrame = fc
  .tuple(fc.nat(5), fc.nat(5))
  .map(([source, destination]) => frameBetween(source, destination));
const pooledFrame = fc.nat(10_000).map((seed) => randomFrame(new RandomSource(seed), 0));
const frames = fc.array(fc.oneof(anyFrame, smallFrame, pooledFrame, fc.uint8Array({ maxLength: 20 })), {
  maxLength: 12,
});

const historyStep = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('frames' as const), port: portName, frames }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flow' as const), flow: flowText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('modify' as const), flow: flowText }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('link' as const), port: portName, up: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('config' as const),
      port: portName,
      noFlood: fc.boolean(),
      noReceive: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('plug' as const), port: fc.constantFrom(...PORT_NAMES) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), port: portName }) },
);
type HistoryStep = typeof historyStep extends fc.Arbitrary<infer T> ? T : never;

/** Carries out a step. `uncached`: all cached flows are made stale before any frame is looked at. */
function take(lab: MemorySwitch, step: HistoryStep, uncached: boolean): unknown {
  const has = (name: string) => lab.sw.listPorts().some((port) => port.name === name);
  switch (step.kind) {
    case 'frames':
      if (!has(step.port)) return undefined;
      for (const frame of step.frames) {
        if (uncached) {
          // A flow that matches no frame comes and goes.
          lab.add('table=9,in_port=65000,actions=drop');
          lab.delete('table=9');
        }
        lab.port(step.port).inject(frame);
        lab.run();
      }
      return lab.takeSent();
    case 'flow':
      return lab.add(step.flow);
    case 'modify':
      return lab.mod('modify', step.flow.replace(/priority=\d,/, ''));
    case 'delete':
      return lab.delete('ip');
    case 'link':
      return has(step.port) ? lab.port(step.port).setLink(step.up) : undefined;
    case 'config':
      return has(step.port)
        ? lab.sw.modPort('br0', step.port, { noFlood: step.noFlood, noReceive: step.noReceive })
        : undefined;
    case 'plug':
      if (has(step.port)) lab.sw.deletePort('br0', step.port);
      else lab.addPort(step.port, Number(step.port[1]));
      return undefined;
    case 'wait':
      return lab.wait(step.ms);
    case 'flush':
      return has(step.port) ? lab.sw.flushFdb('br0', step.port) : undefined;
    default:
      return step satisfies never;
  }
}

function startedLab(macTableSize: number): MemorySwitch {
  const lab = new MemorySwitch(4, { macTableSize });
  lab.bundle(SETUP, { lines: 'bundle' });
  return lab;
}

describe('random histories', () => {
  test('each frame is accounted for, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(historyStep, { maxLength: 40 }), (history) => {
        const lab = startedLab(4);
        for (const step of history) {
          take(lab, step, false);
          const { received, accounted } = lab.balance();
          expect(accounted).toBe(received);
          expect(lab.sw.fdbStats('br0').entries).toBeLessThanOrEqual(4);
        }
        const { cacheHits, megaflowHits, cacheMisses } = lab.sw.datapathStats();
        const tooShort = DROPS + DROP_REASON_NAMES.indexOf('rx-too-short');
        const bad = lab.everyPort.reduce((sum, { counters }) => sum + counters[tooShort]!, 0);
        // Frames that come around are looked up once more.
        expect(cacheHits + megaflowHits + cacheMisses + bad).toBeGreaterThanOrEqual(lab.balance().received);
      }),
      { numRuns: 60 },
    );
  });

  test('with the caches and without them the same happens', () => {
    fc.assert(
      fc.property(fc.array(historyStep, { maxLength: 40 }), (history) => {
        const cached = startedLab(1000);
        const fresh = startedLab(1000);
        for (const step of history) {
          expect(take(cached, step, false)).toEqual(take(fresh, step, true));
          const state = (lab: MemorySwitch) => [lab.state(), lab.sw.listFdb('br0', 0), lab.takeEvents()];
          // The other one had a table 9.
          const own = JSON.stringify(state(cached)).replace(/,?\[9,0\]/, '');
          expect(own).toEqual(JSON.stringify(state(fresh)).replace(/,?\[9,0\]/, ''));
        }
      }),
      { numRuns: 60 },
    );
  });
});

/** A switch with these tables and empty caches. */
function freshSwitch({ groups, meters, flows }: Pipeline): MemorySwitch {
  const lab = new MemorySwitch(PIPELINE_PORTS, { failMode: 'secure' });
  lab.bundle([...meters.map((text) => `meter add ${text}`), ...groups.map((text) => `group add ${text}`)], {
    lines: 'bundle',
  });
  lab.bundle(flows);
  return lab;
}

/** What came of one frame. */
function outcome(lab: MemorySwitch, port: number, frame: Uint8Array): string[] {
  lab.port(`p${port}`).inject(frame);
  lab.run();
  const sent = lab.takeSent().map((one) => `${one.port} ${Buffer.from(one.frame).toString('hex')}`);
  const told = lab
    .takeEvents()
    .map(
      (event) =>
        event.kind === 'packet-in' &&
        `${event.reason} ${event.cookie} ${Buffer.from(event.data).toString('hex')}`,
    );
  return [...sent, ...told.filter((line) => line !== false)];
}

describe('full pipelines', () => {
  test.each(Array.from({ length: 25 }, (_, i) => i + 1))(
    'first frame, second frame and a new switch agree, seed %i',
    (seed) => {
      const random = new RandomSource(seed);
      let pipeline = randomPipeline(random, 8);
      const lab = freshSwitch(pipeline);
      for (let change = 0; change < 3; change++) {
        const sent = Array.from({ length: 25 }, (_, n) => ({
          port: random.integer(1, PIPELINE_PORTS),
          frame: randomFrame(random, n),
        }));
        const first = sent.map(({ port, frame }) => outcome(lab, port, frame));
        const again = sent.map(({ port, frame }) => outcome(lab, port, frame));
        const fresh = sent.map(({ port, frame }) => outcome(freshSwitch(pipeline), port, frame));
        expect(first).toEqual(fresh);
        expect(again).toEqual(fresh);
        const next = randomPipeline(random, 8);
        pipeline = { ...pipeline, flows: [...pipeline.flows.slice(0, -4), ...next.flows.slice(0, 3)] };
        lab.bundle(pipeline.flows, { replaceFlows: true });
      }
    },
  );
});
