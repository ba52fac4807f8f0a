// What: FlowFilter, which rules a flow mod or a query is about: those that its match covers ("loose", OpenFlow 1.5,
// 6.4), with its cookie, that output to its port or group. Why: modify, delete and list ask the same. Who:
// flow-table.ts.

import type { Action } from '../../actions/action.ts';
import { someAction } from '../../actions/nested-actions.ts';
import { FLOW_WORDS } from '../../flow/key.ts';
import {
  OFPORT_ALL,
  OFPORT_CONTROLLER,
  OFPORT_FLOOD,
  OFPORT_IN_PORT,
  OFPORT_NORMAL,
  OFPORT_TABLE,
} from '../../flow/port-number.ts';
import type { MaskShape } from '../entries/compact-match.ts';
import type { FlowMod } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';

export class FlowFilter {
  private readonly mod: FlowMod;
  /** The words that the match looks at. */
  private readonly words: number[] = [];
  /** Where the values of these words stand in the rules of a shape; undefined: the match covers none of them. */
  private readonly indices = new Map<MaskShape, Int32Array | undefined>();

  constructor(mod: FlowMod) {
    this.mod = mod;
    for (let i = 0; i < FLOW_WORDS; i++) if (mod.match.mask[i] !== 0) this.words.push(i);
  }

  /** True when the match asks for nothing. */
  get matchesAll(): boolean {
    return this.words.length === 0;
  }

  accepts(rule: Rule): boolean {
    return this.covers(rule) && this.acceptsRest(rule);
  }

  /** All but the match. */
  acceptsRest(rule: Rule): boolean {
    const { cookieFilter, cookieMask, outPort, outGroup } = this.mod;
    if (cookieMask !== 0n && ((rule.cookie ^ cookieFilter) & cookieMask) !== 0n) return false;
    if (outPort !== undefined && !outputsTo(rule.actions, outPort)) return false;
    return outGroup === undefined || sendsToGroup(rule.actions, outGroup);
  }

  private covers({ match: { shape, values } }: Rule): boolean {
    if (this.words.length === 0) return true;
    const index = this.indexOf(shape);
    if (!index) return false;
    const { mask, value } = this.mod.match;
    for (let i = 0; i < index.length; i++) {
      const word = this.words[i]!;
      if ((values[index[i]!]! & mask[word]!) !== value[word]) return false;
    }
    return true;
  }

  private indexOf(shape: MaskShape): Int32Array | undefined {
    if (this.indices.has(shape)) return this.indices.get(shape);
    const { mask } = this.mod.match;
    const index = Int32Array.from(this.words, (word) => {
      const at = shape.words.indexOf(word);
      return at >= 0 && (shape.masks[at]! & mask[word]!) === mask[word] ? at : -1;
    });
    const covered = index.includes(-1) ? undefined : index;
    this.indices.set(shape, covered);
    return covered;
  }
}

/** Truncated outputs do not count, as in Open vSwitch. */
function outputsTo(actions: readonly Action[], port: number): boolean {
  return someAction(actions, (action) => {
    switch (action.type) {
      case 'output':
        return action.port === port && action.maxLength === 0;
      case 'enqueue':
        return action.port === port;
      case 'controller':
        return port === OFPORT_CONTROLLER;
      case 'in_port':
        return port === OFPORT_IN_PORT;
      case 'normal':
        return port === OFPORT_NORMAL;
      case 'flood':
        return port === OFPORT_FLOOD;
      case 'all':
        return port === OFPORT_ALL;
      case 'table':
        return port === OFPORT_TABLE;
      default:
        return false;
    }
  });
}

function sendsToGroup(actions: readonly Action[], groupId: number): boolean {
  return someAction(actions, (action) => action.type === 'group' && action.groupId === groupId);
}
