// What: XlateState, what a translation knows while it runs. Why: the actions are spread over several files by topic;
// they share this. Who: xlate.ts owns one and uses it again and again, xlate-*.ts work on it.

import type { Action } from '../../actions/action.ts';
import type { DropReason } from '../../drop.ts';
import { IN_PORT_BITS, KEY_ACTSET_OUTPUT, KEY_IN_PORT, NO_ACTSET_OUTPUT } from '../../flow/key.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import { ANY_BUCKET, NO_BUCKET, NO_SLOT } from '../tables/fdb.ts';
import { Effects } from './effects.ts';
import { VALUE_WORDS } from './xlate-bits.ts';
import type { XlateContext } from './xlate-context.ts';
import { FrameState } from './xlate-frame.ts';
import { type FrozenActions, FrozenStates } from './xlate-freeze.ts';
import { XlateProgram } from './xlate-program.ts';
import type { NoteKind, TraceSink } from './xlate-sink.ts';

/** Cookie of a packet-in that no flow called for. */
const NO_COOKIE = 2n ** 64n - 1n;

/** runActions() of xlate-actions.ts. */
type ActionRunner = (x: XlateState, actions: readonly Action[], last: boolean, inBucket: boolean) => void;

export class XlateState {
  readonly context: XlateContext;
  readonly effects: Effects;
  readonly frozenStates = new FrozenStates();
  readonly frame = new FrameState();
  readonly program = new XlateProgram();
  /** For values on their way from one field to another. */
  readonly value = new Int32Array(VALUE_WORDS);

  sink: TraceSink | undefined;
  nowMs = 0;
  /** A trace learns nothing. */
  sideEffects = true;
  inPacketOut = false;
  /** The datapath port on which the frame came. */
  ingress = 0;

  // Where the walk is.
  tableId = 0;
  rule: Rule | undefined;
  cookie = NO_COOKIE;
  depth = 0;
  resubmits = 0;
  inActionSet = false;

  /** VALUE_WORDS words for each entry. */
  stack: number[] = [];
  /** Bytes, as Open vSwitch counts them for its limit. */
  stackBytes = 0;
  actionSet: Action[] = [];
  actionSetHasGroup = false;

  /** What `learn` actions ask for; it is carried out at the end, so that this frame still sees the old tables. */
  learned: { mod: FlowMod; limit: number }[] = [];

  /** Stop here, and in all that called. */
  exit = false;
  /** Stop because the rest is for when the frame comes around again. */
  freezing = false;
  frozen: FrozenActions[] = [];
  /** All that was done is undone, and the frame dropped for this reason. */
  error: DropReason | undefined;
  /** Why nothing is sent, if nothing is: the first reason that came up. */
  reason: DropReason = 'flow-drop';

  // Translation.dependencyA, dependencyB, touchSlot.
  dependencyA = NO_BUCKET;
  dependencyB = NO_BUCKET;
  touchSlot = NO_SLOT;

  private readonly runner: ActionRunner;

  /** Actions run actions: the one who carries them out is given, since those whom it calls need it too. */
  constructor(context: XlateContext, runner: ActionRunner) {
    this.context = context;
    this.runner = runner;
    this.effects = new Effects(context);
  }

  start(key: Int32Array, at: number, ingress: number, nowMs: number): void {
    this.frame.start(key, at);
    this.ingress = ingress;
    this.frame.flow[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
    this.frame.mask[KEY_IN_PORT] = -1;
    this.program.clear();
    this.nowMs = nowMs;
    this.inPacketOut = false;
    this.tableId = 0;
    this.rule = undefined;
    this.cookie = NO_COOKIE;
    this.depth = 0;
    this.resubmits = 0;
    this.inActionSet = false;
    if (this.stack.length > 0) this.stack = [];
    this.stackBytes = 0;
    if (this.actionSet.length > 0) this.actionSet = [];
    this.actionSetHasGroup = false;
    if (this.learned.length > 0) this.learned = [];
    this.exit = false;
    this.freezing = false;
    if (this.frozen.length > 0) this.frozen = [];
    this.error = undefined;
    this.reason = 'flow-drop';
    this.dependencyA = NO_BUCKET;
    this.dependencyB = NO_BUCKET;
    this.touchSlot = NO_SLOT;
  }

  /** Carries actions out. `last`: nothing is done to the frame behind them. `inBucket`: they are those of a bucket. */
  runActions(actions: readonly Action[], last: boolean, inBucket: boolean): void {
    this.runner(this, actions, last, inBucket);
  }

  get inPort(): number {
    return this.frame.flow[KEY_IN_PORT]! & IN_PORT_BITS;
  }

  set inPort(ofport: number) {
    const { flow } = this.frame;
    flow[KEY_IN_PORT] = (flow[KEY_IN_PORT]! & ~IN_PORT_BITS) | (ofport & IN_PORT_BITS);
  }

  /** Tells a listener. Texts that cost something to make are made only where `sink` is defined. */
  note(kind: NoteKind, text: string): void {
    this.sink?.note(kind, text);
  }

  /** Notes why the frame may end here. */
  refuse(reason: DropReason): void {
    if (this.reason === 'flow-drop') this.reason = reason;
  }

  /** The whole translation fails. */
  fail(reason: DropReason, text: string): void {
    this.error = reason;
    this.note('error', text);
  }

  /** Stops, for the frame to come around again. */
  freeze(): void {
    this.exit = true;
    this.freezing = true;
  }

  /** The translation holds while neither bucket of the MAC table changes; its frames keep a station alive. */
  depend(sourceBucket: number, destinationBucket: number, slot: number): void {
    if (this.dependencyA === NO_BUCKET && this.dependencyB === NO_BUCKET) {
      this.dependencyA = sourceBucket;
      this.dependencyB = destinationBucket;
    } else if (this.dependencyA !== sourceBucket || this.dependencyB !== destinationBucket) {
      this.dependencyA = ANY_BUCKET;
      this.dependencyB = NO_BUCKET;
    }
    if (slot === NO_SLOT || slot === this.touchSlot) return;
    if (this.touchSlot === NO_SLOT) this.touchSlot = slot;
    else this.effects.addStation(slot);
  }
}
