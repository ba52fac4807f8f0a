// What: the same flow tables and the same frames into Open vSwitch and into this switch, and what came of each frame.
// Why: where Open vSwitch defines the behaviour, it is asked. Who: tests in test/oracle. A case that differs is shrunk to
// the fewest flows that still differ, and told with seed, frame and Open vSwitch's own trace.

import { MemorySwitch } from '../datapath/memory-switch.ts';
import { DummyOpenVswitch } from './dummy-ovs.ts';
import { PacketInClient } from './packet-in-client.ts';
import { frameNumber } from './random-frame.ts';
import { PIPELINE_PORTS, type Pipeline } from './random-pipeline.ts';

export interface InjectedFrame {
  port: number;
  frame: Uint8Array;
}

/** What came of the frames of one pipeline: by number of the frame, sorted lines such as `2 <hex>` or `packet-in …`. */
export interface Outcome {
  byFrame: Map<number, string[]>;
  /** Of frames whose number was cut off by max_len. */
  cut: string[];
  /** `cookie packets bytes`, by cookie. */
  counters: string[];
}

const OPENFLOW13 = ['-O', 'OpenFlow13'];
/** Reasons of OpenFlow 1.3, 7.4.1; those that came with 1.4 are told as `action` there. */
const REASONS: Record<string, number> = {
  no_match: 0,
  action: 1,
  invalid_ttl: 2,
  action_set: 1,
  group: 1,
  packet_out: 1,
};

export class OpenVswitchSide {
  readonly ovs: DummyOpenVswitch;
  readonly #client: PacketInClient;

  private constructor(ovs: DummyOpenVswitch, client: PacketInClient) {
    this.ovs = ovs;
    this.#client = client;
  }

  static async start(): Promise<OpenVswitchSide> {
    const ovs = await DummyOpenVswitch.start(PIPELINE_PORTS);
    return new OpenVswitchSide(ovs, await PacketInClient.connect(ovs.managementSocket.replace('unix:', '')));
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.ovs.stop();
  }

  async load({ protocol, groups, meters, flows }: Pipeline): Promise<void> {
    const { ovs } = this;
    for (const what of ['flows', 'groups', 'meters']) await ovs.ofctl([...OPENFLOW13, `del-${what}`]);
    for (const meter of meters) await ovs.ofctl([...OPENFLOW13, 'add-meter', meter]);
    if (groups.length > 0) await ovs.ofctl(['-O', 'OpenFlow15', 'add-groups', '-'], groups.join('\n'));
    if (flows.length > 0) await ovs.ofctl(['-O', protocol, 'add-flows', '-'], flows.join('\n'));
    await ovs.appctl('fdb/flush', 'br0');
    await ovs.appctl('revalidator/purge');
    await ovs.outputs();
    this.#client.received.length = 0;
  }

  /** The flows without what time changes, sorted. */
  async dump(protocol: Pipeline['protocol']): Promise<string[]> {
    return linesOf(await this.ovs.ofctl(['-O', protocol, 'dump-flows', '--no-stats']));
  }

  /** `oneByOne`: each frame is through before the next comes, for tables that learn. */
  async run(frames: readonly InjectedFrame[], oneByOne = false): Promise<Outcome> {
    const outcome: Outcome = { byFrame: new Map(), cut: [], counters: [] };
    const collect = async () => {
      for (const { port, frame } of await this.ovs.outputs()) note(outcome, frame, `${port} ${hexOf(frame)}`);
    };
    for (const { port, frame } of frames) {
      await this.ovs.inject(port, frame);
      if (oneByOne) await collect();
    }
    await collect();
    await this.#client.barrier();
    for (const { reason, tableId, cookie, totalLength, data } of this.#client.received.splice(0)) {
      note(outcome, data, packetInLine(reason, tableId, cookie, totalLength, data));
    }
    outcome.counters = countersOf(await this.ovs.ofctl([...OPENFLOW13, 'dump-flows']));
    return sorted(outcome);
  }
}

export class OwnSide {
  readonly lab = new MemorySwitch(PIPELINE_PORTS, { failMode: 'secure' });
  #lastEvent = 0;

  load({ groups, meters, flows }: Pipeline): void {
    const { sw } = this.lab;
    sw.modFlow('br0', 'delete', '');
    sw.modGroup('br0', 'delete', '');
    sw.modMeter('br0', 'delete', 'meter=all');
    sw.flushFdb('br0');
    for (const meter of meters) sw.modMeter('br0', 'add', meter);
    for (const group of groups) sw.modGroup('br0', 'add', group);
    const bundle = sw.openBundle('br0', { lines: 'flows' });
    sw.addToBundle(bundle, flows, 1);
    sw.commitBundle(bundle);
  }

  run(frames: readonly InjectedFrame[]): Outcome {
    const outcome: Outcome = { byFrame: new Map(), cut: [], counters: [] };
    const { lab } = this;
    for (const { port, frame } of frames) {
      lab.port(`p${port}`).inject(frame);
      lab.run();
    }
    for (const { port, frame } of lab.takeSent()) {
      // The local port of Open vSwitch has no capture file.
      if (port !== 'br0') note(outcome, frame, `${port.slice(1)} ${hexOf(frame)}`);
    }
    const { events } = lab.sw.listEvents(this.#lastEvent);
    for (const event of events) {
      this.#lastEvent = event.sequence;
      if (event.kind !== 'packet-in') continue;
      const { reason, tableId, cookie, totalLength, data } = event;
      note(outcome, data, packetInLine(REASONS[reason]!, tableId, BigInt(cookie), totalLength, data));
    }
    outcome.counters = countersOf(this.#dump(true));
    return sorted(outcome);
  }

  /** The flows without what time changes, sorted. */
  dump(): string[] {
    return linesOf(this.#dump(false));
  }

  #dump(stats: boolean): string {
    let text = '';
    let after = 0;
    do {
      const page = this.lab.sw.dumpFlows('br0', { match: '', stats }, after);
      text += page.text;
      after = page.next;
    } while (after !== 0);
    return text;
  }
}

function packetInLine(
  reason: number,
  tableId: number,
  cookie: bigint,
  totalLength: number,
  data: Uint8Array,
): string {
  return `packet-in reason=${reason} table=${tableId} cookie=0x${cookie.toString(16)} total=${totalLength} ${hexOf(data)}`;
}

function note(outcome: Outcome, frame: Uint8Array, line: string): void {
  const number = frameNumber(frame);
  if (number === undefined) outcome.cut.push(line);
  else outcome.byFrame.set(number, [...(outcome.byFrame.get(number) ?? []), line]);
}

function sorted(outcome: Outcome): Outcome {
  for (const lines of outcome.byFrame.values()) lines.sort();
  outcome.cut.sort();
  outcome.counters.sort();
  return outcome;
}

function countersOf(dump: string): string[] {
  const pattern = /cookie=(?<cookie>0x[0-9a-f]+),.* n_packets=(?<packets>\d+), n_bytes=(?<bytes>\d+)/g;
  return [...dump.matchAll(pattern)].map(
    ({ groups }) => `${groups!['cookie']} ${groups!['packets']} ${groups!['bytes']}`,
  );
}

/** Flags are left out: OpenFlow 1.0 does not tell them. */
function linesOf(dump: string): string[] {
  return dump
    .replace(/(send_flow_rem|reset_counts) /g, '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .sort();
}

function hexOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}

/** The first frame that did not do the same on both sides, or what else differs; undefined when nothing does. */
export function difference(expected: Outcome, actual: Outcome): { frame?: number; text: string } | undefined {
  const numbers = new Set([...expected.byFrame.keys(), ...actual.byFrame.keys()]);
  for (const frame of [...numbers].sort((a, b) => a - b)) {
    const [theirs, ours] = [expected.byFrame.get(frame) ?? [], actual.byFrame.get(frame) ?? []];
    if (theirs.join() !== ours.join()) return { frame, text: compare(theirs, ours) };
  }
  if (expected.cut.join() !== actual.cut.join())
    return { text: `cut frames: ${compare(expected.cut, actual.cut)}` };
  if (expected.counters.join() !== actual.counters.join()) {
    return { text: `counters (cookie packets bytes): ${compare(expected.counters, actual.counters)}` };
  }
  return undefined;
}

function compare(theirs: string[], ours: string[]): string {
  const only = (lines: string[], others: string[]) => lines.filter((line) => !others.includes(line));
  const [theirOnly, ourOnly] = [only(theirs, ours), only(ours, theirs)];
  if (theirOnly.length + ourOnly.length === 0)
    return `${theirs.length} lines against ${ours.length}, some of them twice`;
  return `Open vSwitch: ${theirOnly.join(' | ') || 'nothing'}; here: ${ourOnly.join(' | ') || 'nothing'}`;
}

/** Drops flows, and groups that no flow needs, as long as the frames still differ. */
export async function shrink(
  theirs: OpenVswitchSide,
  ours: OwnSide,
  pipeline: Pipeline,
  frames: readonly InjectedFrame[],
): Promise<string> {
  let smallest = pipeline;
  const differs = async (candidate: Pipeline) => {
    try {
      await theirs.load(candidate);
      ours.load(candidate);
    } catch {
      return undefined;
    }
    return difference(await theirs.run(frames), ours.run(frames))?.text;
  };
  let text = (await differs(smallest)) ?? 'does not differ when the frame comes alone';
  for (let at = smallest.flows.length - 1; at >= 0; at--) {
    const candidate = { ...smallest, flows: smallest.flows.filter((_, i) => i !== at) };
    const still = await differs(candidate);
    if (still === undefined) continue;
    smallest = candidate;
    text = still;
  }
  const used = smallest.groups.filter((group) =>
    smallest.flows.some((flow) => flow.includes(`group:${/\d+/.exec(group)![0]}`)),
  );
  await differs(smallest);
  const traces = await Promise.all(
    frames.map(({ port, frame }) =>
      theirs.ovs.appctl('ofproto/trace', 'br0', `in_port=${port}`, hexOf(frame)),
    ),
  );
  const shown = frames.map(({ port, frame }) => `port ${port}: ${hexOf(frame)}`);
  return [text, ...used, ...smallest.flows, ...shown, ...traces].join('\n');
}
