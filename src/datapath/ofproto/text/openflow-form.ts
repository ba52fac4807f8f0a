// What: a flow change as one protocol of OpenFlow says it, and as Open vSwitch reads it back: what the protocol lacks is
// gone, and what it says otherwise is said so. Why: it is what ovs-ofctl parse-flow prints. Who: flow-file.ts. Pure.

import { openflowActions } from '../../actions/openflow-form.ts';
import {
  KEY_IN_PORT,
  KEY_MAC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
  VLAN_PCP_MASK,
  VLAN_PRESENT,
  VLAN_VID_MASK,
} from '../../flow/key.ts';
import { Match } from '../../flow/match.ts';
import { ALL_TABLES, FLAG_RESET_COUNTS, type FlowMod, MAX_COOKIE } from '../entries/flow-mod.ts';
import { isWithTable, NXM, versionOf } from './openflow-protocols.ts';

/** The first versions with OXM matches, and with importance. */
const HAS_OXM = 12;
const HAS_IMPORTANCE = 14;
const HIGHEST_PRIORITY = 0xffff;
/** In KEY_NW. */
const ECN_BITS = 0x3_0000;

/** The flow in a protocol out of `usable`, those that can say it. */
export function openflowForm(mod: FlowMod, protocol: number, usable: number): FlowMod {
  const version = versionOf(protocol);
  const match = (protocol & NXM) === 0 ? formMatch(mod.match, version) : mod.match;
  // OpenFlow 1.0 gives flows that match on all that it has the highest priority.
  const isExact = version === 10 && (protocol & NXM) === 0 && matchesAll(mod.match);
  // A flow that names no table can be said without: where there is a place for the table, it says "none".
  const hasNoTable = mod.command === 'add' && isWithTable(protocol) && (usable & (protocol >> 1)) !== 0;
  return {
    ...mod,
    tableId: hasNoTable ? ALL_TABLES : mod.tableId,
    match,
    priority: isExact ? HIGHEST_PRIORITY : mod.priority,
    cookie: mod.cookie === MAX_COOKIE || !carriesCookie(mod, version) ? 0n : mod.cookie,
    importance: version >= HAS_IMPORTANCE && mod.command === 'add' ? mod.importance : 0,
    flags: version < HAS_OXM ? mod.flags & ~FLAG_RESET_COUNTS : mod.flags,
    actions: openflowActions(mod.actions, version, mod.match),
  };
}

/** Later versions have one place for the cookie of a flow and for the one that chooses flows. */
function carriesCookie(mod: FlowMod, version: number): boolean {
  if (version === 10 || mod.command === 'add') return true;
  return version === 11 && mod.cookieMask === 0n;
}

/** What is said in another way than by the bits that a flow asks for: the tag, and ECN, which OpenFlow 1.1 loses. */
function formMatch(match: Match, version: number): Match {
  const value = match.value[KEY_TYPE_VLAN]! & 0xffff;
  const mask = match.mask[KEY_TYPE_VLAN]! & 0xffff;
  const form = new Match();
  form.value.set(match.value);
  form.mask.set(match.mask);
  if (version === 11) form.setWord(KEY_NW, ECN_BITS, 0, 0);
  if (mask === 0) return form;
  if (version >= HAS_OXM) {
    // A number with the bit for "has a tag", and then perhaps a priority.
    const number = value & (VLAN_VID_MASK | VLAN_PRESENT);
    const hasPriority = number !== 0 && (mask & VLAN_PCP_MASK) !== 0;
    const bits = (mask & (VLAN_VID_MASK | VLAN_PRESENT)) | (hasPriority ? VLAN_PCP_MASK : 0);
    form.setWord(KEY_TYPE_VLAN, 0xffff, value, bits);
  } else if ((mask & ~value & VLAN_PRESENT) !== 0) {
    // Frames without a tag.
    form.setWord(KEY_TYPE_VLAN, 0xffff, 0, -1);
  }
  return form;
}

/** Whether the match leaves open nothing that a match of OpenFlow 1.0 can say. */
function matchesAll({ value, mask }: Match): boolean {
  const tag = mask[KEY_TYPE_VLAN]! & 0xffff;
  const isUntagged = (tag & ~value[KEY_TYPE_VLAN]! & VLAN_PRESENT) !== 0;
  const hasTag = isUntagged || (tag & (VLAN_VID_MASK | VLAN_PCP_MASK)) === (VLAN_VID_MASK | VLAN_PCP_MASK);
  const isWhole = [KEY_MAC, KEY_MAC + 1, KEY_MAC + 2, KEY_NW_SRC, KEY_NW_DST, KEY_TP].every(
    (word) => mask[word] === -1,
  );
  const hasType = mask[KEY_TYPE_VLAN]! >>> 16 === 0xffff && (mask[KEY_IN_PORT]! & 0xffff) === 0xffff;
  return hasTag && isWhole && hasType && ((mask[KEY_NW]! >>> 16) & 0xfffc) === 0xfffc;
}
