// What: ConjunctiveLookup, lookups in a classifier whose rules may be parts of conjunctive matches (ovs-fields(7),
// "Conjunctive Match Fields"). Why: a rule with conjunction actions says nothing alone; when the rules of one priority
// that match cover all clauses of a conjunction, the table is asked again with conj_id set. Who: flow-table.ts.
// How, as Open vSwitch does it: the search yields the best rule without conjunctions (hard) and those with (soft). Of
// the soft ones above the hard one, priority by priority, those that complete a conjunction ask again; what that finds
// is the answer. When no conjunction leads to a rule, the hard one is.

import { KEY_CONJ_ID } from '../../flow/key.ts';
import type { Rule } from '../entries/rule.ts';
import type { Classifier, SoftSink } from './classifier.ts';

/** Clauses that a conjunction may have; one bit for each, in two words. */
const WORD_BITS = 32;

/** How far one conjunction is met. */
interface Progress {
  /** The number of clauses that the first rule names. */
  clauses: number;
  /** Bits of clauses that are met. */
  low: number;
  high: number;
  met: number;
}

class SoftMatches implements SoftSink {
  readonly rules: Rule[] = [];

  add(rule: Rule): void {
    this.rules.push(rule);
  }
}

export class ConjunctiveLookup {
  private readonly classifier: Classifier;
  private readonly soft = new SoftMatches();
  private readonly progress = new Map<number, Progress>();

  constructor(classifier: Classifier) {
    this.classifier = classifier;
  }

  /**
   * The rule for the flow; adds the bits that it depends on to `wildcards`. conj_id of both is for the second search
   * alone: afterwards it is what it was.
   */
  lookup(flow: Int32Array, wildcards: Int32Array): Rule | undefined {
    const { rules } = this.soft;
    const hard = this.classifier.search(flow, wildcards, this.soft);
    if (rules.length === 0) return hard;
    const answer = this.throughConjunctions(hard ? hard.priority : -1, flow, wildcards);
    rules.length = 0;
    return answer ?? hard;
  }

  /** What the conjunctions of soft matches above `hardPriority` lead to. */
  private throughConjunctions(
    hardPriority: number,
    flow: Int32Array,
    wildcards: Int32Array,
  ): Rule | undefined {
    const { rules } = this.soft;
    rules.sort((a, b) => b.priority - a.priority || a.sequence - b.sequence);
    for (let from = 0; from < rules.length && rules[from]!.priority > hardPriority; ) {
      let to = from + 1;
      while (to < rules.length && rules[to]!.priority === rules[from]!.priority) to++;
      const answer = this.throughPriority(from, to, flow, wildcards);
      if (answer) return answer;
      from = to;
    }
    return undefined;
  }

  /** What the soft matches rules[from, to), which have one priority, lead to. */
  private throughPriority(
    from: number,
    to: number,
    flow: Int32Array,
    wildcards: Int32Array,
  ): Rule | undefined {
    this.progress.clear();
    for (let i = from; i < to; i++) {
      for (const action of this.soft.rules[i]!.actions) {
        if (action.type !== 'conjunction' || action.clauses > to - from) continue;
        if (!this.isMet(action.id, action.clause - 1, action.clauses)) continue;
        const answer = this.searchWithId(action.id, flow, wildcards);
        if (answer) return answer;
        // Another conjunction that the same rule completes is not asked for: as in Open vSwitch.
        break;
      }
    }
    return undefined;
  }

  private searchWithId(id: number, flow: Int32Array, wildcards: Int32Array): Rule | undefined {
    const flowId = flow[KEY_CONJ_ID]!;
    const wildcardsId = wildcards[KEY_CONJ_ID]!;
    flow[KEY_CONJ_ID] = id | 0;
    const rule = this.classifier.search(flow, wildcards, undefined, true);
    flow[KEY_CONJ_ID] = flowId;
    wildcards[KEY_CONJ_ID] = wildcardsId;
    return rule;
  }

  /** Notes that a clause (from 0) of a conjunction is met; true when now all of them are. */
  private isMet(id: number, clause: number, clauses: number): boolean {
    let progress = this.progress.get(id);
    if (!progress) {
      progress = { clauses, low: 0, high: 0, met: 0 };
      this.progress.set(id, progress);
    }
    const bit = 1 << (clause % WORD_BITS);
    const bits = clause < WORD_BITS ? progress.low : progress.high;
    if ((bits & bit) === 0 && clause < progress.clauses) {
      if (clause < WORD_BITS) progress.low |= bit;
      else progress.high |= bit;
      progress.met++;
    }
    return progress.met === progress.clauses;
  }
}
