// What: how multipath and bundle choose a link or a member by the hash of a flow. Who: xlate-actions.ts,
// xlate-output.ts.

import type { Action } from '../../actions/action.ts';
import { finishHash, mixHash } from '../../flow/key.ts';
import { OFPORT_NONE } from '../../flow/port-number.ts';
import { hashFlow } from './flow-hash.ts';
import type { FrameState } from './xlate-frame.ts';

type Multipath = Extract<Action, { type: 'multipath' }>;
type Bundle = Extract<Action, { type: 'bundle' }>;

/** Above this number hrw, which looks at each link, gives way to iter_hash. */
const MOST_HRW_LINKS = 64;

function hashWords(a: number, b: number): number {
  return finishHash(mixHash(mixHash(0, a), b)) >>> 0;
}

/** The link, 0 to links - 1. */
export function multipathLink(frame: FrameState, action: Multipath): number {
  const { links } = action;
  const hash = hashFlow(frame, action.fields, action.basis);
  switch (action.algorithm) {
    case 'modulo_n':
      return hash % links;
    case 'hash_threshold':
      return links === 1 ? 0 : Math.floor(hash / (Math.floor(0xffff_ffff / links) + 1));
    case 'hrw':
      return links <= MOST_HRW_LINKS ? highest(hash, links) : iterate(hash, links, 0);
    case 'iter_hash':
      return iterate(hash, links, action.argument);
  }
}

function highest(hash: number, links: number): number {
  let best = 0;
  let bestWeight = hashWords(hash, 0);
  for (let link = 1; link < links; link++) {
    const weight = hashWords(hash, link);
    if (weight <= bestWeight) continue;
    best = link;
    bestWeight = weight;
  }
  return best;
}

/** Hashes modulo a number that stays when links come and go, until a link is hit. */
function iterate(hash: number, links: number, argument: number): number {
  let modulo = argument;
  if (modulo < links || Math.floor(modulo / 2) > links) {
    modulo = 1;
    while (modulo < links) modulo *= 2;
  }
  for (let i = 0; ; i++) {
    const link = hashWords(hash, i) % modulo;
    if (link < links) return link;
  }
}

/** The member of a bundle action, OFPORT_NONE when none is enabled. */
export function bundleMember(
  frame: FrameState,
  { members, algorithm, fields, basis }: Bundle,
  isEnabled: (member: number) => boolean,
): number {
  if (algorithm === 'active_backup') return members.find(isEnabled) ?? OFPORT_NONE;
  // With one member there is no choice, and nothing needs to be looked at.
  const hash = members.length > 1 ? hashFlow(frame, fields, basis) : 0;
  let best = OFPORT_NONE;
  let bestWeight = -1;
  for (const [i, member] of members.entries()) {
    if (!isEnabled(member)) continue;
    const weight = hashWords(i, hash);
    if (weight <= bestWeight) continue;
    best = member;
    bestWeight = weight;
  }
  return best;
}
