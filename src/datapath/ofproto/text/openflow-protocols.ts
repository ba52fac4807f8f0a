// What: the nine protocols in which Open vSwitch can say a flow: OpenFlow 1.0 with its own matches or with those of
// Nicira (NXM), each without or with the number of a table, and OpenFlow 1.1 to 1.5. Why: parse-flow prints which of
// them can say a flow, and the flow in one of them. Who: openflow-usable.ts finds them, flow-file.ts chooses.
// A set of protocols is a number of nine bits; the lowest bit is the one that Open vSwitch likes best.

import type { OpenFlowVersion } from '../../actions/openflow-form.ts';
import { SwitchError } from '../../errors.ts';
import { nearestName } from '../../flow/syntax.ts';

const OPENFLOW10 = 0b11;
export const NXM = 0b1100;
const OPENFLOW11 = 1 << 4;
export const OPENFLOW12_UP = 0b1_1110_0000;
export const OPENFLOW13_UP = 0b1_1100_0000;
export const OPENFLOW11_UP = OPENFLOW11 | OPENFLOW12_UP;
export const ANY_PROTOCOL = 0b1_1111_1111;
/** All of version 1.0. */
export const VERSION10 = OPENFLOW10 | NXM;
/** With a choice of the table. */
export const WITH_TABLE = ANY_PROTOCOL & ~0b101;

/** Names of the bits. */
const NAMES = [
  'OpenFlow10-table_id',
  'OpenFlow10+table_id',
  'NXM-table_id',
  'NXM+table_id',
  'OpenFlow11',
  'OXM-OpenFlow12',
  'OXM-OpenFlow13',
  'OXM-OpenFlow14',
  'OXM-OpenFlow15',
];
/** Names of sets, in the order in which a longer list shows them. */
const SETS: readonly (readonly [string, number])[] = [
  ['any', ANY_PROTOCOL],
  ['OpenFlow10', OPENFLOW10],
  ['NXM', NXM],
  ['OXM', OPENFLOW12_UP],
];
const VERSIONS: ReadonlyMap<string, number> = new Map([
  ['OpenFlow10', VERSION10],
  ...[11, 12, 13, 14, 15].map((version): [string, number] => [`OpenFlow${version}`, 1 << (version - 7)]),
]);
/** What is chosen while nobody says which versions he speaks: 1.0 as ovs-ofctl does, then 1.3, the most spoken one. */
const DEFAULT_ORDER = [VERSION10, OPENFLOW13_UP, ANY_PROTOCOL];

/** The protocols of versions such as `OpenFlow13`; none: all. Throws SwitchError invalid-argument. */
export function protocolsOfVersions(versions: readonly string[]): number {
  let protocols = 0;
  for (const version of versions) {
    const bits = VERSIONS.get(version);
    if (bits !== undefined) {
      protocols |= bits;
      continue;
    }
    const near = nearestName(version, VERSIONS.keys());
    const expected = near ? `${near}, perhaps` : `one of ${[...VERSIONS.keys()].join(', ')}`;
    throw new SwitchError(
      'invalid-argument',
      `There is no version ${version} of OpenFlow: expected ${expected}.`,
    );
  }
  return protocols;
}

/** The one of `usable` in which to say a flow, out of `allowed`; 0 for `allowed`: whichever is usual. 0: none. */
export function chooseProtocol(usable: number, allowed: number): number {
  const orders = allowed === 0 ? DEFAULT_ORDER : [allowed];
  const bits = orders.map((order) => usable & order).find((left) => left !== 0) ?? 0;
  return bits & -bits;
}

/** As ovs-ofctl lists protocols. */
export function formatProtocols(protocols: number): string {
  const names: string[] = [];
  let rest = protocols;
  for (const [name, set] of SETS) {
    if ((rest & set) !== set) continue;
    names.push(name);
    rest &= ~set;
  }
  for (const [bit, name] of NAMES.entries()) if (rest & (1 << bit)) names.push(name);
  return names.length === 0 ? 'none' : names.join(',');
}

/** The protocols of a list as formatProtocols() makes it. Throws SwitchError invalid-argument. */
export function parseProtocols(list: string): number {
  let protocols = 0;
  for (const name of list.split(',')) {
    const bit = NAMES.indexOf(name);
    const set = bit >= 0 ? 1 << bit : SETS.find(([known]) => known === name)?.[1];
    if (set === undefined) throw new SwitchError('invalid-argument', `There is no flow protocol ${name}.`);
    protocols |= set;
  }
  return protocols;
}

/** Whether it is one of OpenFlow 1.0 with the number of a table; the bit below is then the one without. */
export function isWithTable(protocol: number): boolean {
  return (protocol & VERSION10 & WITH_TABLE) !== 0;
}

/** The version of a protocol. */
export function versionOf(protocol: number): OpenFlowVersion {
  const bit = 31 - Math.clz32(protocol);
  return bit < 4 ? 10 : ((bit + 7) as OpenFlowVersion);
}

/** What carries a flow in a protocol, as ovs-ofctl names it: `NXT_FLOW_MOD`, `OFPT_FLOW_MOD (OF1.3)`. */
export function messageName(protocol: number): string {
  if (protocol & NXM) return 'NXT_FLOW_MOD';
  const version = versionOf(protocol);
  return version === 10 ? 'OFPT_FLOW_MOD' : `OFPT_FLOW_MOD (OF1.${version - 10})`;
}
