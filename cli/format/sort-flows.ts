// What: sorts the lines of a flow dump by priority or by match fields, as `ovs-ofctl dump-flows --sort` does. Why: the
// switch sends flows in the order of its tables; how a person wants to see them is the command's business. Who:
// commands/flow.ts. It reads the text of the lines, in which a field has the name that dumps give it.

export interface SortCriterion {
  /** A name out of SORT_FIELDS. */
  field: string;
  descending: boolean;
}

/** EtherType and IP protocol of the words that stand for them. */
const PROTOCOL_WORDS: Readonly<Record<string, readonly [type: number, protocol?: number]>> = {
  ip: [0x0800],
  ipv6: [0x86dd],
  arp: [0x0806],
  rarp: [0x8035],
  mpls: [0x8847],
  mplsm: [0x8848],
  icmp: [0x0800, 1],
  tcp: [0x0800, 6],
  udp: [0x0800, 17],
  sctp: [0x0800, 132],
  icmp6: [0x86dd, 58],
  tcp6: [0x86dd, 6],
  udp6: [0x86dd, 17],
  sctp6: [0x86dd, 132],
};

/** The name of a field in a dump -> its other names. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  priority: '',
  table: '',
  in_port: 'in_port_oxm',
  dl_src: 'eth_src',
  dl_dst: 'eth_dst',
  dl_type: 'eth_type',
  vlan_tci: '',
  dl_vlan: 'vlan_vid',
  dl_vlan_pcp: 'vlan_pcp',
  mpls_label: '',
  mpls_tc: '',
  mpls_bos: '',
  mpls_ttl: '',
  nw_src: 'ip_src',
  nw_dst: 'ip_dst',
  nw_proto: 'ip_proto',
  nw_tos: 'ip_dscp nw_tos_shifted',
  nw_ecn: 'ip_ecn',
  nw_ttl: '',
  nw_frag: 'ip_frag',
  ipv6_src: '',
  ipv6_dst: '',
  ipv6_label: '',
  arp_op: '',
  arp_spa: '',
  arp_tpa: '',
  arp_sha: '',
  arp_tha: '',
  tcp_flags: '',
  icmp_type: 'icmpv6_type',
  icmp_code: 'icmpv6_code',
  nd_target: '',
  nd_sll: '',
  nd_tll: '',
  metadata: '',
  tun_id: 'tunnel_id',
  pkt_mark: '',
  conj_id: '',
  actset_output: '',
  tp_src: '',
  tp_dst: '',
};

/** Fields of one protocol that a dump writes as tp_src or tp_dst. */
const TRANSPORT_FIELD = /^(tcp|udp|sctp)_(src|dst)$/;
/** xreg0 and xxreg0 are views of several registers, by which a dump writes them. */
const REGISTER_VIEW = /^(x{0,2})reg(\d+)$/;
const REGISTERS = 16;

const DUMP_NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries(OTHER_NAMES).flatMap(([name, others]) =>
    [name, ...others.split(' ')].map((other) => [other, name] as const),
  ),
);

/** Whether flows can be sorted by a field of this name. */
export function isSortField(name: string): boolean {
  const [, views = '', number = REGISTERS] = REGISTER_VIEW.exec(name) ?? [];
  if (Number(number) < REGISTERS >> views.length) return true;
  return name !== '' && (DUMP_NAMES.has(name) || TRANSPORT_FIELD.test(name));
}

/**
 * Lines by the criteria, the first of them first; flows without the field come last either way. What is equal stands by
 * falling priority.
 */
export function sortFlowLines(lines: string[], wanted: readonly SortCriterion[]): string[] {
  const criteria = [...wanted, { field: 'priority', descending: true }];
  const keyed = lines.map((line) => {
    const fields = fieldsOf(line);
    return { line, keys: criteria.map(({ field }) => sortKey(fields, field)) };
  });
  keyed.sort((a, b) => {
    for (const [index, { descending }] of criteria.entries()) {
      const order = compareKeys(a.keys[index], b.keys[index], descending);
      if (order !== 0) return order;
    }
    return 0;
  });
  return keyed.map(({ line }) => line);
}

type SortKey = bigint | string | undefined;

function compareKeys(a: SortKey, b: SortKey, descending: boolean): number {
  if (a === b) return 0;
  if (a === undefined) return 1;
  if (b === undefined) return -1;
  // Numbers come before words.
  const order = typeof a !== typeof b ? (typeof a === 'bigint' ? -1 : 1) : a < b ? -1 : 1;
  return descending ? -order : order;
}

/** Everything that stands before the actions: names with values, and words with ''. */
function fieldsOf(line: string): Map<string, string> {
  const end = line.search(/(^| )actions=/);
  const fields = new Map<string, string>();
  for (const token of line.slice(0, end < 0 ? line.length : end).split(/[, ]+/)) {
    const equals = token.indexOf('=');
    if (equals < 0) fields.set(token, '');
    else fields.set(token.slice(0, equals), token.slice(equals + 1));
  }
  return fields;
}

function sortKey(fields: ReadonlyMap<string, string>, field: string): SortKey {
  const transport = TRANSPORT_FIELD.exec(field);
  if (transport) {
    const [, protocol, end] = transport as unknown as [string, string, string];
    return fields.has(protocol) || fields.has(`${protocol}6`)
      ? keyOfValue(fields.get(`tp_${end}`))
      : undefined;
  }
  const view = REGISTER_VIEW.exec(field);
  if (view) return registerKey(fields, view[1]!.length, Number(view[2]));
  const name = DUMP_NAMES.get(field)!;
  const value = keyOfValue(fields.get(name));
  if (value !== undefined) return value;
  if (name === 'priority') return 32768n;
  if (name === 'table') return 0n;
  return protocolKey(fields, name);
}

/** The 2^`views` registers of a view as one number. */
function registerKey(fields: ReadonlyMap<string, string>, views: number, number: number): SortKey {
  const own = keyOfValue(fields.get(`${'x'.repeat(views)}reg${number}`));
  if (own !== undefined || views === 0) return own;
  const upper = registerKey(fields, views - 1, 2 * number);
  const lower = registerKey(fields, views - 1, 2 * number + 1);
  if (upper === undefined && lower === undefined) return undefined;
  return (BigInt(upper ?? 0n) << BigInt(16 << views)) | BigInt(lower ?? 0n);
}

/** EtherType or IP protocol that a word such as tcp stands for. */
function protocolKey(fields: ReadonlyMap<string, string>, name: string): SortKey {
  const column = ['dl_type', 'nw_proto'].indexOf(name);
  if (column < 0) return undefined;
  for (const word in PROTOCOL_WORDS) {
    if (!fields.has(word)) continue;
    const value = PROTOCOL_WORDS[word]![column];
    return value === undefined ? undefined : BigInt(value);
  }
  return undefined;
}

/** A value without its mask as a number; what is none, for example the name of a port, stays text. */
function keyOfValue(text: string | undefined): SortKey {
  if (text === undefined || text === '') return undefined;
  const value = text.split('/', 1)[0]!;
  if (/^(0x[0-9a-f]+|\d+)$/i.test(value)) return BigInt(value);
  if (/^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(value)) {
    return BigInt(
      `0x${value
        .split(':')
        .map((byte) => byte.padStart(2, '0'))
        .join('')}`,
    );
  }
  if (/^\d+(\.\d+){3}$/.test(value)) {
    return value.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  }
  return value.includes(':') ? ipv6ValueOf(value) : value;
}

function ipv6ValueOf(text: string): bigint | string {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const [, start, ...bytes] = dotted ?? [];
  const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
  const plain =
    start === undefined ? text : `${start}${pair(bytes[0]!, bytes[1]!)}:${pair(bytes[2]!, bytes[3]!)}`;
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const [upper, lower] = [groups(head), groups(tail ?? '')];
  const missing = Math.max(0, 8 - upper.length - lower.length);
  const all = [...upper, ...Array<string>(missing).fill('0'), ...lower];
  if (all.length !== 8 || !all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return text;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
