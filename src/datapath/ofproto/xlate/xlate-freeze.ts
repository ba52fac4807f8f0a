// What: FrozenState, where a translation stopped until the frame comes around again, and the table of those by their
// recirculation number. Why: headers that only show when others are gone (behind MPLS) must be read from the frame
// anew. Who: xlate.ts. Invariant: equal states have equal numbers, so that equal translations have equal programs.

import type { Action } from '../../actions/action.ts';
import { FLOW_WORDS, IN_PORT_BITS, KEY_IN_PORT, KEY_WORDS } from '../../flow/key.ts';
import type { Rule } from '../entries/rule.ts';

/** Actions that are still to be carried out, as part of one flow. */
export interface FrozenActions {
  tableId: number;
  cookie: bigint;
  rule: Rule | undefined;
  actions: readonly Action[];
}

export interface FrozenState {
  /** In the order of execution. None: go on with table 0. */
  rest: readonly FrozenActions[];
  /** Word KEY_IN_PORT (without recirc_id), then the words from KEY_WORDS on. */
  pipeline: Int32Array;
  stack: Int32Array;
  actionSet: readonly Action[];
}

/** recirc_id has 16 bits; 0 is a new frame. */
const LAST_ID = 0xffff;
/** Fewer are kept when the version changes, since a frame may be on its way around. */
const MANY_STATES = 4096;

/** The pipeline fields of a key, as a FrozenState keeps them. */
export function pipelineOf(flow: Int32Array): Int32Array {
  const pipeline = flow.slice(KEY_WORDS - 1);
  pipeline[0] = flow[KEY_IN_PORT]! & IN_PORT_BITS;
  return pipeline;
}

/** Puts them back; the recirc_id of the key stays. */
export function setPipeline(flow: Int32Array, pipeline: Int32Array): void {
  flow[KEY_IN_PORT] = (flow[KEY_IN_PORT]! & ~IN_PORT_BITS) | pipeline[0]!;
  for (let i = KEY_WORDS; i < FLOW_WORDS; i++) flow[i] = pipeline[i - KEY_WORDS + 1]!;
}

export class FrozenStates {
  private readonly states = new Map<number, FrozenState>();
  private readonly ids = new Map<string, number>();
  /** Numbers for actions and rules, which are told apart by identity. */
  private readonly names = new Map<object, number>();
  private last = 0;

  /** No number is left. */
  get full(): boolean {
    return this.last >= LAST_ID;
  }

  of(id: number): FrozenState | undefined {
    return this.states.get(id);
  }

  /** The number of a state. */
  add(state: FrozenState): number {
    const name = this.nameOf(state);
    let id = this.ids.get(name);
    if (id === undefined) {
      this.last++;
      id = this.last;
      this.ids.set(name, id);
      this.states.set(id, state);
    }
    return id;
  }

  /** No program that is not stale names a state any more: forgets them, unless there are few. */
  changed(): void {
    if (this.states.size >= MANY_STATES) this.clear();
  }

  /** Forgets all states and starts with the first number again. */
  restart(): void {
    this.clear();
    this.last = 0;
  }

  private clear(): void {
    this.states.clear();
    this.ids.clear();
    this.names.clear();
  }

  private nameOf({ rest, pipeline, stack, actionSet }: FrozenState): string {
    const actions = (list: readonly Action[]) => list.map((action) => this.nameOfObject(action)).join();
    const flows = rest.map((part) => {
      const rule = part.rule ? this.nameOfObject(part.rule) : '';
      return `${part.tableId}:${part.cookie}:${rule}:${actions(part.actions)}`;
    });
    return [flows.join(';'), pipeline.join(), stack.join(), actions(actionSet)].join('|');
  }

  private nameOfObject(object: object): number {
    let name = this.names.get(object);
    if (name === undefined) {
      name = this.names.size;
      this.names.set(object, name);
    }
    return name;
  }
}
