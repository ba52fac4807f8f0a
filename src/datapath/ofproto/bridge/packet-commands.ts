// What: PacketCommands, what the control plane asks about frames of one bridge: send this one (packet-out), say what
// would become of that one (trace), show which flows are cached. Who: switch.ts passes the commands of api.ts on.

import { formatVerdict, type ProgramNames } from '../../actions/format-program.ts';
import { TO_INGRESS } from '../../actions/program.ts';
import type { DatapathFlowInfo, Page, TraceInfo } from '../../api.ts';
import { type Datapath, NO_INGRESS } from '../../dp/datapath.ts';
import { type Pipeline, Translation } from '../../dp/upcall.ts';
import { formatDatapathKey } from '../../flow/odp-text.ts';
import { type PacketOut, parsePacketOut } from '../text/packet-out-text.ts';
import { packetInText, traceFlow } from '../xlate/trace.ts';
import type { Bridge } from './bridge.ts';

/** Megaflows in a page: some milliseconds of work between two polls. */
const PAGE_LENGTH = 500;

export class PacketCommands {
  private readonly bridge: Bridge;
  private readonly datapath: Datapath;
  private readonly translation = new Translation();

  constructor(bridge: Bridge, datapath: Datapath) {
    this.bridge = bridge;
    this.datapath = datapath;
  }

  /** Throws SwitchError. */
  packetOut(text: string, nowMs: number): void {
    const packet = parsePacketOut(text, this.bridge.resolvePort);
    this.bridge.flows.checkReferences(packet.actions);
    this.send(packet, nowMs);
  }

  /** Sends a packet-out, whose groups and meters are there. */
  send({ inPort, frame, key, actions }: PacketOut, nowMs: number): void {
    const { bridge, datapath, translation } = this;
    const ingress = bridge.ports.get(inPort)?.index ?? NO_INGRESS;
    bridge.xlate.packetOut(actions, key, 0, ingress, nowMs, translation);
    try {
      datapath.packetOut(bridge, frame, ingress, translation.verdict, inPort);
    } finally {
      if (translation.effects !== 0) {
        bridge.credit(translation.effects, 1, frame.length, nowMs);
        bridge.release(translation.effects);
      }
      datapath.programs.release(translation.verdict);
    }
  }

  trace(text: string, nowMs: number): TraceInfo {
    return traceFlow(this.bridge, text, nowMs);
  }
}

/** A page of the live megaflows of a bridge, or of all bridges. */
export function listDatapathFlows(
  datapath: Datapath,
  bridge: Bridge | undefined,
  after: number,
): Page<DatapathFlowInfo> {
  const { items, next } = datapath.listMegaflows(after, PAGE_LENGTH, bridge);
  const nowMs = datapath.clock[0]!;
  const flows = items.map(({ key, mask, verdict, packets, bytes, usedMs, pipeline }) => ({
    flow: formatDatapathKey(key, mask),
    packets,
    bytes,
    usedSeconds: packets === 0 ? undefined : Math.max(0, nowMs - usedMs) / 1000,
    actions: formatVerdict(verdict, datapath.programs, namesOf(pipeline), key),
  }));
  return { items: flows, next };
}

/** Ports by their OpenFlow numbers. */
function namesOf(pipeline: Pipeline): ProgramNames {
  const bridge = pipeline as Bridge;
  return {
    portNumber: (index) => {
      for (const port of bridge.ports.values()) if (port.index === index) return port.ofport;
      return index === TO_INGRESS ? 'in_port' : index;
    },
    specText: (spec) => packetInText(bridge.packetInSpec(spec)),
  };
}
