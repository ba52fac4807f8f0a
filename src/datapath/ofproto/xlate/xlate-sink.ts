// What: TraceSink, to which a translation tells what it does. Why: a trace and a real frame go through the same code;
// where no one listens, the sink is undefined and costs one comparison. Who: xlate-*.ts tell, trace.ts listens.

import type { Action } from '../../actions/action.ts';
import type { Bucket } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import type { PacketInSpec } from './xlate-context.ts';
import type { FrozenState } from './xlate-freeze.ts';

export type NoteKind = 'detail' | 'warn' | 'error';

export interface TraceSink {
  /** A whole frame is traced, not a flow: NORMAL says what it learns of it, as Open vSwitch does of a frame only. */
  readonly hasFrame: boolean;
  /** A table was looked up; what follows until leave() belongs to the flow. Undefined: none matches. */
  enterTable(tableId: number, rule: Rule | undefined): void;
  enterBucket(bucket: Bucket): void;
  enterActionSet(): void;
  leave(): void;
  /** The action set was changed; as a list, empty when it sends nothing anywhere. */
  actionSet(verb: 'is' | 'was', actions: readonly Action[]): void;
  /** Undefined: there are no actions. */
  action(action: Action | undefined): void;
  note(kind: NoteKind, text: string): void;
  /** The translation resumes where it was frozen. */
  thaw(state: FrozenState): void;
  /** The frame, or a copy of it, with this key, will come around with this recirc_id. */
  recirculate(id: number, flow: Int32Array): void;
  /** What goes with the packet-in of this number. */
  packetIn(number: number, spec: PacketInSpec): void;
}
