// What: TraceTree, what a translation told, as a tree that prints like `ovs-appctl ofproto/trace`. Why: people and scripts
// know that text. Who: trace.ts.
//
// The last table of a list is not indented further: tables that follow each other by goto_table stand below each other.

import type { Action } from '../../actions/action.ts';
import { formatActions } from '../../actions/text.ts';
import { formatMatch } from '../../flow/match-text.ts';
import { expandMatch } from '../entries/compact-match.ts';
import type { Bucket } from '../entries/group.ts';
import type { Rule } from '../entries/rule.ts';
import type { PacketInSpec } from './xlate-context.ts';
import type { FrozenState } from './xlate-freeze.ts';
import type { NoteKind, TraceSink } from './xlate-sink.ts';

interface TraceNode {
  /** `heading`: what opens a level; it stands to the left of what follows it. */
  kind: NoteKind | 'heading' | 'bucket' | 'action';
  text: string;
  children: TraceNode[];
}

/** What a frame that comes around is to be traced from. */
export interface Recirculation {
  id: number;
  flow: Int32Array;
}

const MARKS: Partial<Record<TraceNode['kind'], (text: string) => string>> = {
  detail: (text) => ` -> ${text}`,
  warn: (text) => ` >> ${text}`,
  error: (text) => ` >>>> ${text} <<<<`,
};

export class TraceTree implements TraceSink {
  readonly hasFrame: boolean;
  readonly recirculations: Recirculation[] = [];
  readonly packetIns = new Map<number, PacketInSpec>();
  private readonly root: TraceNode = { kind: 'heading', text: '', children: [] };
  private readonly path: TraceNode[] = [this.root];

  constructor(hasFrame: boolean) {
    this.hasFrame = hasFrame;
  }

  enterTable(tableId: number, rule: Rule | undefined): void {
    this.enter('heading', `${String(tableId).padStart(2)}. ${rule ? ruleText(rule) : 'No match.'}`);
  }

  enterBucket(bucket: Bucket): void {
    this.enter('bucket', `bucket ${bucket.bucketId}`);
  }

  enterActionSet(): void {
    this.enter('heading', '--. Executing action set:');
  }

  leave(): void {
    this.path.pop();
  }

  action(action: Action | undefined): void {
    this.add('action', action ? formatActions([action]) : 'drop');
  }

  actionSet(verb: 'is' | 'was', actions: readonly Action[]): void {
    this.add(
      'detail',
      actions.length === 0 ? `action set ${verb} empty` : `action set ${verb}: ${formatActions(actions)}`,
    );
  }

  note(kind: NoteKind, text: string): void {
    this.add(kind, text);
  }

  thaw({ rest, actionSet }: FrozenState): void {
    this.enter('heading', 'thaw');
    this.add('heading', `Resuming from table ${rest[0]?.tableId ?? 0}`);
    if (actionSet.length > 0) this.add('heading', `Restoring action set: ${formatActions(actionSet)}`);
    const actions = rest.flatMap((part) => part.actions);
    if (actions.length > 0) this.add('heading', `Restoring actions: ${formatActions(actions)}`);
    this.leave();
  }

  recirculate(id: number, flow: Int32Array): void {
    this.recirculations.push({ id, flow: flow.slice() });
  }

  packetIn(number: number, spec: PacketInSpec): void {
    this.packetIns.set(number, spec);
  }

  /** The lines, without what stands around them. */
  lines(): string[] {
    const lines: string[] = [];
    print(lines, this.root.children, 0);
    return lines;
  }

  private enter(kind: TraceNode['kind'], text: string): void {
    this.path.push(this.add(kind, text));
  }

  private add(kind: TraceNode['kind'], text: string): TraceNode {
    const node = { kind, text, children: [] };
    this.path.at(-1)!.children.push(node);
    return node;
  }
}

function print(lines: string[], nodes: readonly TraceNode[], level: number): void {
  for (const [i, node] of nodes.entries()) {
    const deeper = i < nodes.length - 1 || node.kind !== 'heading' ? 1 : 0;
    const text = MARKS[node.kind]?.(node.text) ?? node.text;
    lines.push(' '.repeat(4 * (level + deeper)) + text);
    print(lines, node.children, level + 2 * deeper);
  }
}

function ruleText({ match, priority, cookie }: Rule): string {
  const text = formatMatch(expandMatch(match));
  const parts = [`priority ${priority}`];
  if (text !== '') parts.unshift(text);
  if (cookie !== 0n) parts.push(`cookie 0x${cookie.toString(16)}`);
  return parts.join(', ');
}
