// What: flows of random text over all fields and all actions. Why: our print is compared with that of ovs-ofctl for
// thousands of them. Who: flow-text.ovs.test.ts. Most flows are ones that Open vSwitch takes; some have actions that do
// not go with their match, on purpose.

import {
  FIELDS,
  type Field,
  PREREQUISITES,
  type Prerequisite,
  SHORTHANDS,
  type Shorthand,
} from '../../../../src/datapath/flow/fields.ts';
import type { RandomSource } from '../../../support/random-source.ts';

const PORTS = ['1', '2', '77', '65279', 'LOCAL', 'in_port'];
const HASHES = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];
const REGISTERS = FIELDS.filter(({ name }) => /^(x{0,2}reg[0-9]+|metadata|pkt_mark|tun_id)$/.test(name));
const FRAGMENTS = ['no', 'yes', 'first', 'later', 'not_later'];

export class RandomFlowText {
  readonly #random: RandomSource;
  /** What the match of the flow says. */
  #kind: Shorthand | undefined;
  #hasTag = false;

  constructor(random: RandomSource) {
    this.#random = random;
  }

  /** A flow without table and priority. */
  next(): { match: string; actions: string } {
    const match = this.#match();
    return { match, actions: this.#actions() };
  }

  #match(): string {
    const random = this.#random;
    this.#kind = random.chance(0.75) ? random.pick(SHORTHANDS) : undefined;
    this.#hasTag = random.chance(0.3);
    const parts: string[] = [];
    if (this.#kind) parts.push(this.#kind.names[0]!);
    if (this.#hasTag)
      parts.push(random.pick(['dl_vlan=5', 'vlan_tci=0x1000/0x1000', 'dl_vlan_pcp=3', 'vlan_vid=4101']));
    const fields = FIELDS.filter(
      (field) => this.#fits(field, true) && !/vlan|eth_type|nw_proto|conj|actset/.test(field.name),
    );
    for (let i = random.integer(0, 4); i > 0; i--) {
      const field = random.pick(fields);
      if (field.prerequisite?.startsWith('nd')) {
        const type = field.name === 'nd_tll' ? 136 : 135;
        parts.push(`icmpv6_type=${type},icmpv6_code=0`);
      }
      parts.push(
        `${random.pick([field.name, ...field.aliases.filter((alias) => /^[a-z]/.test(alias) && alias !== 'nw_tos_shifted')])}=${this.#value(field)}`,
      );
    }
    return parts.join(random.pick([',', ' ', ', ']));
  }

  #fits(field: Field, inMatch: boolean): boolean {
    const name = inMatch ? (field.matchPrerequisite ?? field.prerequisite) : field.prerequisite;
    if (name === undefined) return true;
    const needed: Prerequisite = PREREQUISITES[name];
    if (needed.types.length === 0) return this.#hasTag;
    const { type, proto } = this.#kind ?? { type: -1, proto: undefined };
    return (
      needed.types.includes(type) && (needed.protos === undefined || needed.protos.includes(proto ?? -1))
    );
  }

  /** A field for an action; seldom one that the match does not allow. */
  #field(isTarget: boolean): Field {
    const random = this.#random;
    if (random.chance(0.3)) return random.pick(REGISTERS);
    const any = random.chance(0.05);
    const fields = FIELDS.filter((field) => {
      if (isTarget && !field.writable) return false;
      // Fields whose text form Open vSwitch encodes as another field, or that it counts as wider.
      if (/^(dl_vlan|in_port_oxm|actset_output|arp_op)/.test(field.name)) return false;
      if (field.prerequisite?.startsWith('nd')) return false;
      return any || this.#fits(field, false);
    });
    return random.pick(fields);
  }

  #value(field: Field): string {
    const random = this.#random;
    const masked = field.maskable && random.chance(0.35);
    switch (field.syntax) {
      case 'port':
        return random.pick(PORTS);
      case 'mac':
        if (masked)
          return random.pick(['12:00:00:00:00:00/ff:00:00:00:00:00', '01:00:00:00:00:00/1:0:0:0:0:0']);
        return this.#mac();
      case 'ipv4':
        if (masked)
          return random.pick(['10.0.0.0/8', '10.0.1.0/255.0.255.0', '0.0.0.7/0.0.0.255', '128.0.0.0/1']);
        return this.#ipv4();
      case 'ipv6':
        if (masked)
          return random.pick(['fe80::/10', '2001:db8::/32', '::5/::ffff', 'ff::/ffff::ffff', '8000::/1']);
        return this.#ipv6();
      case 'vid':
        return String(random.integer(0, 4095));
      case 'vid_present':
        return String(4096 + random.integer(0, 4095));
      case 'pcp':
        return String(random.integer(0, 7));
      case 'dscp':
        return String(4 * random.integer(0, 63));
      case 'frag':
        return random.pick(FRAGMENTS);
      case 'tcp_flags':
        return random.pick(['+syn', '+syn-ack', '-rst+ack-fin', '0x12', '0x2/0x6']);
      default: {
        if (!masked) return this.#number(field.width);
        // Only in a set_field Open vSwitch shows bits of the value that the mask leaves out.
        const mask = this.#bits(field.width) | 1n;
        return `${hex(this.#bits(field.width) & mask)}/${hex(mask)}`;
      }
    }
  }

  #bits(width: number): bigint {
    let bits = 0n;
    for (let i = 0; i < width; i += 16) bits = (bits << 16n) | BigInt(this.#random.integer(0, 0xffff));
    const all = (1n << BigInt(width)) - 1n;
    return this.#random.chance(0.3) ? bits & 0xffn & all : bits & all;
  }

  #number(width: number): string {
    const value = this.#bits(width);
    return width > 64 || this.#random.chance(0.5) ? hex(value) : String(value);
  }

  #mac(): string {
    return Array.from({ length: 6 }, () => this.#random.integer(0, 255).toString(16)).join(':');
  }

  #ipv4(): string {
    return Array.from({ length: 4 }, () => this.#random.integer(0, 255)).join('.');
  }

  #ipv6(): string {
    const { pick, integer } = {
      pick: (list: string[]) => this.#random.pick(list),
      integer: () => this.#random.integer(0, 0xffff).toString(16),
    };
    return pick([
      '::1',
      'fe80::1',
      '2001:db8::5:0:0:1',
      `${integer()}::${integer()}`,
      Array.from({ length: 8 }, integer).join(':'),
    ]);
  }

  #subfield(field: Field, width?: number): string {
    const random = this.#random;
    const name = random.chance(0.6) && field.nxm !== '' ? field.nxm : field.name;
    if (width === undefined && random.chance(0.4)) return `${name}[]`;
    const bits = width ?? random.integer(1, field.width);
    const from = random.integer(0, field.width - bits);
    if (from === 0 && bits === field.width)
      return random.pick([`${name}[]`, name, `${name}[0..${bits - 1}]`]);
    return bits === 1 ? `${name}[${from}]` : `${name}[${from}..${from + bits - 1}]`;
  }

  /** Two subfields of equal width. */
  #pair(): [string, string] {
    const source = this.#field(false);
    const target = this.#field(true);
    const width = this.#random.integer(1, Math.min(source.width, target.width));
    return [this.#subfield(source, width), this.#subfield(target, width)];
  }

  #load(): string {
    const field = this.#field(true);
    const width = this.#random.integer(1, field.width);
    return `${hex(this.#bits(width))}->${this.#subfield(field, width)}`;
  }

  #actions(): string {
    const random = this.#random;
    if (random.chance(0.05)) return random.pick(['drop', '', 'DROP']);
    if (random.chance(0.05)) {
      return Array.from(
        { length: random.integer(1, 3) },
        () => `conjunction(${random.integer(0, 99)},1/${random.integer(2, 64)})`,
      ).join();
    }
    const parts = Array.from({ length: random.integer(1, 5) }, () => this.#action(2));
    if (random.chance(0.1)) parts.unshift(`meter:${random.integer(1, 99)}`);
    if (random.chance(0.1)) parts.push('clear_actions');
    if (random.chance(0.1))
      parts.push(`write_actions(${this.#settable()},${this.#settable()},${random.pick(PORTS)})`);
    if (random.chance(0.1))
      parts.push(`write_metadata:${random.pick(['0', '0x55', '7/0xff', hex(this.#bits(64))])}`);
    if (random.chance(0.2)) parts.push(`goto_table:${random.integer(1, 250)}`);
    return parts.join(random.pick([',', ', ', ' ']));
  }

  /** An action that an action set can hold. */
  #settable(): string {
    const field = this.#field(true);
    return this.#random.pick([
      `set_field:${this.#value(field)}->${field.name}`,
      `load:${this.#load()}`,
      'dec_ttl',
      'group:5',
    ]);
  }

  #action(depth: number): string {
    const random = this.#random;
    const n = (maximum: number) => random.integer(0, maximum);
    const field = this.#field(true);
    const [from, to] = this.#pair();
    const port = random.pick(PORTS);
    const choices: (() => string)[] = [
      () =>
        random.pick([
          'NORMAL',
          'flood',
          'All',
          'local',
          'IN_PORT',
          port,
          `output:${port}`,
          `output(${port})`,
        ]),
      () => `output(port=${random.pick(['3', 'LOCAL', 'in_port'])},max_len=${random.integer(14, 9000)})`,
      () => `output:${this.#subfield(random.pick(REGISTERS))}`,
      () =>
        random.pick([
          'controller',
          `CONTROLLER:${n(65535)}`,
          `controller(id=${n(3)},reason=${random.pick(['action', 'no_match', 'invalid_ttl'])})`,
        ]),
      () => `controller(userdata=01.02.${random.integer(16, 99)},pause,meter_id=${n(9)},max_len=${n(500)})`,
      () => random.pick([`enqueue:3:${n(99)}`, `enqueue(local,${n(99)})`]),
      () => `set_field:${this.#value(field)}->${field.name}`,
      () => `load:${this.#load()}`,
      () => `move:${from}->${to}`,
      () => `push:${from}`,
      () => `pop:${to}`,
      () =>
        random.pick([
          `mod_vlan_vid:${n(4095)}`,
          `mod_vlan_pcp:${n(7)}`,
          `set_vlan_vid:${n(4095)}`,
          `set_vlan_pcp:${n(7)}`,
        ]),
      () => random.pick([`mod_dl_src:${this.#mac()}`, `mod_dl_dst:${this.#mac()}`]),
      () => random.pick([`mod_nw_src:${this.#ipv4()}`, `mod_nw_dst:${this.#ipv4()}`]),
      () =>
        random.pick([
          `mod_nw_tos:${4 * n(63)}`,
          `mod_nw_ecn:${n(3)}`,
          `mod_nw_ttl:${n(255)}`,
          `set_nw_ttl:${n(255)}`,
        ]),
      () => random.pick([`mod_tp_src:${n(65535)}`, `mod_tp_dst:${n(65535)}`]),
      () => random.pick(['strip_vlan', 'pop_vlan', 'push_vlan:0x8100', 'push_vlan:0x88a8']),
      () =>
        random.pick([
          'push_mpls:0x8847',
          'push_mpls:0x8848',
          'pop_mpls:0x0800',
          `set_mpls_label:${n(0xfffff)}`,
          `set_mpls_tc(${n(7)})`,
          `set_mpls_ttl:${n(255)}`,
          'dec_mpls_ttl',
        ]),
      () => random.pick(['dec_ttl', 'dec_ttl(1,2)', 'dec_ttl(0)']),
      () =>
        random.pick([
          `resubmit:${port === 'in_port' ? 4 : port}`,
          `resubmit(,${n(250)})`,
          `resubmit(1,${n(250)})`,
          `resubmit(in_port,${n(250)})`,
        ]),
      () =>
        random.pick([
          `set_queue:${n(99)}`,
          'pop_queue',
          `set_tunnel:${n(99)}`,
          `set_tunnel64:${n(99)}`,
          `set_tunnel:${hex(this.#bits(64))}`,
        ]),
      () =>
        `multipath(${random.pick(HASHES)},${n(99)},${random.pick(['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'])},${random.integer(1, 16)},${n(9)},NXM_NX_REG0[0..${random.integer(3, 31)}])`,
      () =>
        `bundle(${random.pick(HASHES)},${n(99)},${random.pick(['hrw', 'active_backup'])},ofport,members:${random.pick(['1', '1,2', '3,LOCAL', '', '[1,2]'])})`,
      () => `bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG1[0..15],slaves:1,2)`,
      () => `check_pkt_larger(${n(9000)})->${this.#subfield(random.pick(REGISTERS), 1)}`,
      () =>
        random.pick([
          'note:',
          'note:00',
          'note:01.02.03.04.05.06.07',
          'exit',
          `group:${n(99)}`,
          'fin_timeout(idle_timeout=3)',
          'fin_timeout(hard_timeout=4,idle_timeout=2)',
        ]),
      () =>
        `sample(probability=${random.integer(1, 65535)},collector_set_id=${n(9)},obs_domain_id=${n(9)},obs_point_id=${n(9)}${random.pick(['', ',sampling_port=2', ',ingress', ',egress'])})`,
      () => this.#learn(),
    ];
    if (depth > 0) choices.push(() => `clone(${this.#action(depth - 1)},${this.#action(depth - 1)})`);
    return random.pick(choices)();
  }

  #learn(): string {
    const random = this.#random;
    const parts: string[] = [];
    const maybe = (text: string) => random.chance(0.3) && parts.push(text);
    maybe(`table=${random.integer(0, 250)}`);
    maybe(`priority=${random.integer(0, 65535)}`);
    maybe(`idle_timeout=${random.integer(0, 65535)}`);
    maybe(`hard_timeout=${random.integer(0, 65535)}`);
    maybe(`fin_idle_timeout=${random.integer(0, 65535)}`);
    maybe(`fin_hard_timeout=${random.integer(0, 65535)}`);
    maybe(`cookie=${hex(this.#bits(64))}`);
    maybe('send_flow_rem');
    maybe('delete_learned');
    maybe(`limit=${random.integer(0, 99)}`);
    maybe('result_dst=reg0[7]');
    for (let i = random.integer(0, 3); i > 0; i--) {
      const field = random.pick(REGISTERS);
      const [from, to] = this.#pair();
      parts.push(
        random.pick([
          `${this.#subfield(field)}`,
          `${field.name}=${this.#number(field.width)}`,
          `eth_type=0x800,nw_proto=6,tcp_dst=${random.integer(0, 65535)}`,
          `NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[]`,
          `NXM_OF_VLAN_TCI[0..11]`,
          `reg3[0..7]=${random.integer(0, 255)}`,
          'in_port=5',
          'eth_dst=01:02:03:04:05:06',
          `load:${from}->${to}`,
          `load:${hex(this.#bits(16))}->NXM_NX_REG2[0..15]`,
          'output:NXM_OF_IN_PORT[]',
        ]),
      );
    }
    return `learn(${parts.join()})`;
  }
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
