// What: StagedFlows, the flows of a large bundle in tables of their own, which take the place of the bridge's when the
// bundle is committed. Why: a commit is one piece of work between two frames; to enter a million flows takes a second,
// which goes by here slice by slice while the lines are read. Who: bundle.ts stages, flow-change.ts loads.
// Only flows that are plainly added, to tables that have next to none: files that are loaded into a fresh bridge.
// Whether they may be loaded is decided at the commit; if not, they are added one by one as in any bundle.
// Invariant: what is staged is in no table of the bridge, and belongs to the bundle.

import type { Action } from '../../actions/action.ts';
import { someAction } from '../../actions/nested-actions.ts';
import { FLAG_CHECK_OVERLAP } from '../entries/flow-mod.ts';
import type { Rule } from '../entries/rule.ts';
import type { FlowTable } from '../tables/flow-table.ts';
import type { FlowTables } from '../tables/flow-tables.ts';

/** Flows that a table may have: they move into the staged one during the commit. */
const FEW_FLOWS = 64;

export interface StagedTable {
  readonly table: FlowTable;
  readonly rules: Rule[];
}

export class StagedFlows {
  readonly tables = new Map<number, StagedTable>();
  /** Actions that name groups or meters, which must be there when the flows are loaded. */
  readonly referring = new Set<readonly Action[]>();
  /** Rules that later ones of the bundle take the place of; they are still among the rules of their table. */
  readonly replaced = new Set<Rule>();
  private readonly live: FlowTables;

  constructor(live: FlowTables) {
    this.live = live;
  }

  /** Takes a rule in. False: flows like this one cannot be staged; nothing of this is of use then. */
  add(rule: Rule): boolean {
    if ((rule.flags & FLAG_CHECK_OVERLAP) !== 0) return false;
    const staged = this.tables.get(rule.tableId) ?? this.open(rule.tableId);
    if (!staged) return false;
    const twin = staged.table.find(rule.match, rule.priority);
    if (twin) {
      staged.table.remove(twin);
      this.replaced.add(twin);
    }
    staged.table.insert(rule);
    staged.rules.push(rule);
    if (refers(rule.actions)) this.referring.add(rule.actions);
    return true;
  }

  /** Whether the tables of the bridge have so few flows, and so much room, that the flows may be loaded. */
  fits(): boolean {
    for (const [tableId, { table }] of this.tables) {
      const size = this.live.table(tableId)?.size ?? 0;
      if (size > FEW_FLOWS || size + table.size > this.live.limitOf(tableId).flowLimit) return false;
    }
    return true;
  }

  private open(tableId: number): StagedTable | undefined {
    if ((this.live.table(tableId)?.size ?? 0) > FEW_FLOWS) return undefined;
    const staged = { table: this.live.detached(tableId), rules: [] };
    this.tables.set(tableId, staged);
    return staged;
  }
}

function refers(actions: readonly Action[]): boolean {
  return someAction(actions, ({ type }) => type === 'group' || type === 'meter');
}
