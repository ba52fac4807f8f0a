// What: Xlate, from the actions of a rule to a verdict for one flow. Why: flows speak of OpenFlow ports and of
// meanings (NORMAL, FLOOD); the datapath wants port indices. Who: bridge.ts makes one and calls translate() on each
// upcall. Runs once per flow, not per frame.
// Invariant: each translation either outputs somewhere or names the reason for which the frame is dropped.

import type { Action } from '../actions/action.ts';
import { dropVerdict, FLOODED, type OutputLists, TO_INGRESS } from '../actions/verdict.ts';
import type { Translation } from '../dp/upcall.ts';
import type { DropReason } from '../drop.ts';
import { type Fdb, NO_BUCKET, NO_SLOT } from './fdb.ts';
import { forwardNormally, type NormalSink } from './normal.ts';
import type { Rule } from './rule.ts';

/** Among the targets: all ports but the one on which the frame came. */
const TO_ALL = -2;

/** Datapath port indices of a bridge by OpenFlow port number. */
export type PortIndices = ReadonlyMap<number, number>;

export class Xlate implements NormalSink {
  private readonly fdb: Fdb;
  private readonly ports: PortIndices;
  private readonly lists: OutputLists;
  /** Verdicts of the lists that are in use since the last reset(), by the ports in them. */
  private readonly verdicts = new Map<string, number>();
  private allPorts: number | undefined;

  // The translation under way.
  private readonly targets: number[] = [];
  private reason: DropReason = 'flow-drop';
  private inPort = 0;
  private out!: Translation;

  constructor(fdb: Fdb, ports: PortIndices, lists: OutputLists) {
    this.fdb = fdb;
    this.ports = ports;
    this.lists = lists;
  }

  /** Forgets all lists; verdicts given out before mean nothing after. */
  reset(): void {
    for (const verdict of this.verdicts.values()) this.lists.release(verdict);
    this.verdicts.clear();
    if (this.allPorts !== undefined) this.lists.release(this.allPorts);
    this.allPorts = undefined;
  }

  /** Fills `out` for a frame with the key at key[at] that came on port `inPort`, which is datapath port `ingress`. */
  translate(
    rule: Rule | undefined,
    key: Int32Array,
    at: number,
    inPort: number,
    ingress: number,
    nowMs: number,
    out: Translation,
  ): void {
    this.out = out;
    this.inPort = inPort;
    this.targets.length = 0;
    this.reason = rule ? 'flow-drop' : 'table-miss';
    this.depend(NO_BUCKET, NO_BUCKET, NO_SLOT);
    out.statsSlot = rule ? rule.statsSlot : 0;
    for (const action of rule?.actions ?? []) this.act(action, key, at, nowMs);
    out.verdict = this.verdictOfTargets(ingress);
  }

  output(ofport: number): void {
    const index = this.ports.get(ofport);
    if (ofport === this.inPort) this.refuse('ingress-only');
    else if (index === undefined) this.refuse('no-such-port');
    else this.targets.push(index);
  }

  flood(): void {
    if (this.ports.size > 1) this.targets.push(TO_ALL);
    else this.refuse('no-flood-port');
  }

  /** The first reason is the one that counts when nothing is sent. */
  refuse(reason: DropReason): void {
    if (this.reason === 'flow-drop') this.reason = reason;
  }

  depend(sourceBucket: number, destinationBucket: number, slot: number): void {
    this.out.dependencyA = sourceBucket;
    this.out.dependencyB = destinationBucket;
    this.out.touchSlot = slot;
  }

  private act(action: Action, key: Int32Array, at: number, nowMs: number): void {
    switch (action.type) {
      case 'output':
        this.output(action.port);
        return;
      case 'normal':
        forwardNormally(this.fdb, key, at, this.inPort, nowMs, this);
        return;
      case 'flood':
      case 'all':
        this.flood();
        return;
      case 'in_port':
        this.targets.push(TO_INGRESS);
        return;
      default:
        action satisfies never;
    }
  }

  private verdictOfTargets(ingress: number): number {
    const { targets } = this;
    if (targets.length === 0) return dropVerdict(this.reason);
    if (targets.length === 1 && targets[0]! >= 0) return targets[0]!;
    if (targets.length === 1 && targets[0] === TO_ALL) return this.allPortsVerdict();
    const outputs: number[] = [];
    for (const target of targets) {
      if (target !== TO_ALL) outputs.push(target);
      else for (const index of this.ports.values()) outputs.push(FLOODED + index);
    }
    if (outputs.length === 1) return outputs[0] === TO_INGRESS ? ingress : outputs[0]!;
    const name = outputs.join();
    let verdict = this.verdicts.get(name);
    if (verdict === undefined) {
      verdict = this.lists.add(outputs);
      this.verdicts.set(name, verdict);
    }
    return verdict;
  }

  /** One list serves floods from every port, since a list skips the ingress port when it is carried out. */
  private allPortsVerdict(): number {
    this.allPorts ??= this.lists.add(Array.from(this.ports.values(), (index) => FLOODED + index));
    return this.allPorts;
  }
}
