// What: Xlate, from the key of a flow through the tables to what is done with its frames. Why: flows speak of OpenFlow
// ports and of meanings (NORMAL, groups); the datapath wants a verdict, a mask of the key bits that it depends on, and
// what to count. Who: bridge.ts translates upcalls and packet-outs, trace.ts listens to the same code. Semantics are
// those of Open vSwitch. Runs once per cached flow, not per frame; the common ways allocate nothing.
// Invariants: the verdict sends the frame somewhere or names the reason why not; keys that agree in `mask` get the same.

import type { Action } from '../../actions/action.ts';
import { OP_DROP, OP_OUTPUT } from '../../actions/program.ts';
import { dropVerdict, type Programs } from '../../actions/verdict.ts';
import type { Translation } from '../../dp/upcall.ts';
import { DROP } from '../../drop.ts';
import { FLOW_WORDS, KEY_IN_PORT, KEY_WORDS } from '../../flow/key.ts';
import type { Effects } from './effects.ts';
import { runActions } from './xlate-actions.ts';
import type { XlateContext } from './xlate-context.ts';
import { setPipeline } from './xlate-freeze.ts';
import { finishFreezing, runActionSet } from './xlate-nested.ts';
import type { TraceSink } from './xlate-sink.ts';
import { XlateState } from './xlate-state.ts';
import { lookUp } from './xlate-table.ts';

export { growKeyMask } from './xlate-mask.ts';

const RECIRC_SHIFT = 16;

export class Xlate {
  readonly effects: Effects;
  private readonly x: XlateState;

  constructor(context: XlateContext) {
    this.x = new XlateState(context, runActions);
    this.effects = this.x.effects;
  }

  /** Where the programs of its verdicts are kept. */
  get programs(): Programs {
    return this.x.context.programs;
  }

  /** To be called when the bridge has a new version. */
  changed(): void {
    this.x.frozenStates.changed();
  }

  /** Decides for frames with the key at key[at, at + KEY_WORDS) from datapath port `ingress`. See Pipeline.translate. */
  translate(key: Int32Array, at: number, ingress: number, nowMs: number, out: Translation): void {
    const { x } = this;
    const { version } = x.context;
    x.start(key, at, ingress, nowMs);
    x.effects.begin();
    const recirculation = key[at + KEY_IN_PORT]! >>> RECIRC_SHIFT;
    if (recirculation !== 0) this.thaw(recirculation);
    else this.receive();
    this.finish(out, version);
  }

  /** Carries actions out on a frame of the control plane. The key has FLOW_WORDS words: fields of the pipeline too. */
  packetOut(
    actions: readonly Action[],
    key: Int32Array,
    at: number,
    ingress: number,
    nowMs: number,
    out: Translation,
  ): void {
    const { x } = this;
    const { version } = x.context;
    x.start(key, at, ingress, nowMs);
    for (let i = KEY_WORDS; i < FLOW_WORDS; i++) x.frame.flow[i] = key[at + i]!;
    x.inPacketOut = true;
    x.effects.begin();
    x.runActions(actions, true, false);
    this.finish(out, version);
    out.cacheable = false;
  }

  /**
   * The same as translate(), for a key of FLOW_WORDS words, with someone who listens, and without any effect: nothing
   * is learned, and nothing is counted unless the caller credits it. Returns the key as the last action left it.
   */
  trace(key: Int32Array, ingress: number, nowMs: number, sink: TraceSink, out: Translation): Int32Array {
    const { x } = this;
    x.sink = sink;
    x.sideEffects = false;
    try {
      const { version } = x.context;
      x.start(key, 0, ingress, nowMs);
      for (let i = KEY_WORDS; i < FLOW_WORDS; i++) x.frame.flow[i] = key[i]!;
      x.effects.begin();
      const recirculation = key[KEY_IN_PORT]! >>> RECIRC_SHIFT;
      if (recirculation !== 0) this.thaw(recirculation);
      else this.receive();
      this.finish(out, version);
      return x.frame.flow.slice();
    } finally {
      x.sink = undefined;
      x.sideEffects = true;
    }
  }

  /** A new frame: table 0. */
  private receive(): void {
    const { x } = this;
    const port = x.context.ports.get(x.inPort);
    if (port && (port.noReceive || port.down)) {
      lookUp(x, 0, x.inPort);
      x.refuse('port-no-receive');
      return;
    }
    this.enterFirstTable();
  }

  private enterFirstTable(): void {
    const { x } = this;
    const rule = lookUp(x, 0, x.inPort);
    x.sink?.enterTable(0, rule);
    if (rule) {
      x.rule = rule;
      x.cookie = rule.cookie;
      x.runActions(rule.actions, true, false);
    } else {
      x.sink?.action(undefined);
      x.refuse('table-miss');
    }
    // In a report the action set stands within table 0.
  }

  /** A frame that has come around: goes on where the translation was frozen. */
  private thaw(id: number): void {
    const { x } = this;
    const state = x.frozenStates.of(id);
    if (!state) {
      x.fail('recirculation-lost', `Recirculation context not found for ID ${id}`);
      return;
    }
    setPipeline(x.frame.flow, state.pipeline);
    x.stack = Array.from(state.stack);
    x.actionSet = [...state.actionSet];
    x.actionSetHasGroup = state.actionSet.some(({ type }) => type === 'group');
    x.sink?.thaw(state);
    if (state.rest.length === 0) {
      this.enterFirstTable();
      return;
    }
    for (const [i, part] of state.rest.entries()) {
      x.tableId = part.tableId;
      x.cookie = part.cookie;
      x.rule = part.rule;
      if (part.actions.length > 0) x.runActions(part.actions, i === state.rest.length - 1, false);
    }
  }

  private finish(out: Translation, version: number): void {
    const { x } = this;
    if (x.error === undefined) {
      if (!x.freezing) runActionSet(x);
      if (x.freezing && x.error === undefined) finishFreezing(x);
    }
    const { mask } = x.frame;
    for (let i = 0; i < KEY_WORDS; i++) out.mask[i] = mask[i]!;
    out.verdict = this.verdict();
    out.effects = x.effects.end();
    out.dependencyA = x.dependencyA;
    out.dependencyB = x.dependencyB;
    out.touchSlot = x.touchSlot;
    for (const { mod, limit } of x.learned) x.context.learn(mod, x.nowMs, limit);
    out.cacheable = version === x.context.version;
  }

  private verdict(): number {
    const { program, error, reason, context } = this.x;
    if (error !== undefined) return dropVerdict(error);
    program.trim();
    const { builder } = program;
    if (builder.length === 0) return dropVerdict(reason);
    if (!program.ends) builder.put(OP_DROP, DROP[reason]);
    if (builder.length === 2 && builder.at(0) === OP_OUTPUT) return builder.at(1);
    return context.programs.intern(builder.raw, builder.length);
  }
}
