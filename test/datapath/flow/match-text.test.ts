// What: matches from and to text, without Open vSwitch: round trips, errors, single fields. Why: a match that is read
// wrong, or wider than it was written, lets frames through.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fillBits, readBits, writeBits } from '../../../src/datapath/flow/bits.ts';
import { FIELD_BY_NAME, FIELDS, fieldMask } from '../../../src/datapath/flow/fields.ts';
import { FLOW_WORDS } from '../../../src/datapath/flow/key.ts';
import { Match } from '../../../src/datapath/flow/match.ts';
import {
  formatFieldValue,
  formatMatch,
  parseFieldValue,
  prerequisiteProblem,
} from '../../../src/datapath/flow/match-text.ts';
import { NO_PORTS } from '../../../src/datapath/flow/port-number.ts';
import { RandomSource } from '../../support/random-source.ts';
import { formatted, matchOf } from './match-of.ts';
import { randomMatchText } from './random-match.ts';

/** The text of an error. */
function errorOf(text: string): string {
  try {
    matchOf(text);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error(`no error for ${text}`);
}

describe('round trip', () => {
  test('what is printed reads as the same match', () => {
    const random = new RandomSource(5);
    for (let i = 0; i < 5000; i++) {
      const text = randomMatchText(random);
      let match: Match;
      try {
        match = matchOf(text);
      } catch {
        continue;
      }
      for (let word = 0; word < FLOW_WORDS; word++) {
        expect(match.value[word]! & ~match.mask[word]!, text).toBe(0);
      }
      expect(matchOf(formatMatch(match)).equals(match), `${text}\n${formatMatch(match)}`).toBe(true);
    }
  });

  test('fields and their bits', () => {
    for (const field of FIELDS) {
      for (const name of [field.name, ...field.aliases]) expect(FIELD_BY_NAME.get(name), name).toBe(field);
      expect(field.bit + field.width).toBeLessThanOrEqual(32 * FLOW_WORDS);
      if (field.width <= 32) expect(field.bit >> 5, field.name).toBe((field.bit + field.width - 1) >> 5);
      const match = new Match();
      match.setBits(field.bit, field.width, fieldMask(field), fieldMask(field));
      expect(match.valueBits(field.bit, field.width)).toBe(fieldMask(field));
    }
  });
});

describe('what is printed', () => {
  test.each([
    ['', ''],
    ['eth', ''],
    ['packet_type=(0,0),in_port=1', 'in_port=1'],
    ['dl_type=0x0800,nw_proto=6,tp_dst=80', 'tcp,tp_dst=80'],
    ['ip4,ip_src=10.1.2.3/255.0.0.0', 'ip,nw_src=10.0.0.0/8'],
    ['tp_dst=0x50,tcp', 'tcp,tp_dst=80'],
    ['dl_vlan=5,vlan_pcp=3', 'dl_vlan=5,dl_vlan_pcp=3'],
    ['dl_vlan_pcp=2,dl_vlan=0xffff', 'vlan_tci=0x0000'],
    ['vlan_vid=4101', 'dl_vlan=5'],
    ['vlan_vid=0', 'vlan_tci=0x0000/0x1fff'],
    ['dl_vlan=5,dl_vlan_pcp=*', 'dl_vlan=5'],
    ['dl_vlan=*', ''],
    ['in_port=65534', 'in_port=LOCAL'],
    ['in_port=4294967294', 'in_port=LOCAL'],
    ['xxreg0=0x1/0x3', 'reg3=0x1/0x3'],
    ['icmp,tp_src=8', 'icmp,icmp_type=8'],
    ['tcp6,tcp_flags=2/0x12', 'tcp6,tcp_flags=+syn-ack'],
    ['arp,nw_proto=1,nw_src=10.0.0.1', 'arp,arp_spa=10.0.0.1,arp_op=1'],
    ['NXM_NX_REG3=7,NXM_OF_IN_PORT=2', 'reg3=0x7,in_port=2'],
    ['nw_src=*', ''],
    ['metadata=18446744073709551615', 'metadata=0xffffffffffffffff'],
    ['tcp,tp_src=5,tp_src=6', 'tcp,tp_src=6'],
  ])('%s', (text, printed) => {
    expect(formatted(text)).toBe(printed);
  });

  test('ports by name', () => {
    const match = matchOf('in_port=veth-a', (name) => (name === 'veth-a' ? 4 : undefined));
    expect(formatMatch(match)).toBe('in_port=4');
    expect(formatMatch(match, () => 'veth-a')).toBe('in_port=veth-a');
    expect(formatMatch(match, () => '4th')).toBe('in_port="4th"');
    expect(formatMatch(matchOf('in_port="4th"', (name) => (name === '4th' ? 4 : undefined)))).toBe(
      'in_port=4',
    );
  });
});

describe('errors', () => {
  test.each([
    ['nw_src=10.0.0.1', /nw_src means nothing unless the flow also matches ip or arp/],
    ['udp,tcp_src=1', /also matches tcp or tcp6/],
    ['ip,tp_src=1', /also matches tcp, udp or sctp/],
    ['icmp6,nd_target=::1', /icmp6,icmp_type=135,icmp_code=0 or/],
    ['tcp,nw_frag=later,tp_src=1', /nw_frag=later/],
    ['dl_vlan=4096', /4096 is no value for dl_vlan: expected a VLAN number/],
    ['vlan_vid=10', /expected 4106, with 0x1000/],
    ['ip,nw_tos=3', /a multiple of 4/],
    ['tcp,tp_src=65536', /a number 0 to 65535/],
    ['metadata=0x10000000000000000', /a number 0 to 0xffffffffffffffff/],
    ['in_port=1/3', /no value for in_port/],
    ['ip,nw_proto=6/7', /nw_proto takes no mask/],
    ['ip,nw_src=10.0.0', /an IPv4 address/],
    ['ip,nw_src=10.0.0.1/33', /0 to 32/],
    ['ipv6,ipv6_src=1:2', /an IPv6 address/],
    ['dl_src=02:00', /a MAC address/],
    ['tcp,tcp_flags=+syn+syn', /each once/],
    ['tcp,tcp_flags=nosuch', /flags such as/],
    ['ip,nw_frag=maybe', /one of no, yes, first, later, not_later/],
    ['reg0', /reg0 has no value/],
    ['ct_state=+trk', /ct_state is not supported yet/],
    ['tun_src=1.2.3.4', /not supported yet/],
    ['nsh_spi=1', /not supported yet/],
    ['reg17=1', /not supported yet/],
  ])('%s', (text, problem) => {
    expect(errorOf(text)).toMatch(problem);
  });

  test('the caret is under the value', () => {
    const [, line, caret] = errorOf('tcp,tp_dst=99999,in_port=1').split('\n');
    expect(line!.slice(caret!.indexOf('^'), caret!.lastIndexOf('^') + 1)).toBe('99999');
  });

  test('random text never throws anything but an error for users', () => {
    const names = FIELDS.map(({ name }) => name);
    const value = fc.oneof(fc.string(), fc.constantFrom('0', '/', '1/', '::', '+', '0x', '*', '(', '00:'));
    const term = fc.tuple(fc.constantFrom(...names, 'tcp', 'x'), fc.constantFrom('=', '(', ':', ''), value);
    fc.assert(
      fc.property(fc.array(term, { maxLength: 4 }), (terms) => {
        try {
          matchOf(terms.map((parts) => parts.join('')).join(','));
        } catch (error) {
          expect((error as { code?: string }).code).toBe('invalid-argument');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('values of actions', () => {
  const parse = (name: string, value: string) => {
    const text = `${name}=${value}`;
    const token = { key: name, value, valueAt: name.length + 1 };
    return parseFieldValue(text, token, FIELD_BY_NAME.get(name)!, NO_PORTS);
  };

  test.each([
    ['eth_dst', '02:00:00:00:00:01', '02:00:00:00:00:01'],
    ['eth_dst', '02:00:00:00:00:01/ff:ff:00:00:00:ff', '02:00:00:00:00:01/ff:ff:00:00:00:ff'],
    ['ip_src', '10.0.0.1/8', '10.0.0.0/8'],
    ['ipv6_dst', 'fe80::1', 'fe80::1'],
    ['reg0', '7', '0x7'],
    ['reg0', '0', '0'],
    ['xxreg1', '0x123456789abcdef0123456789abcdef0', '0x123456789abcdef0123456789abcdef0'],
    ['metadata', '0x5/0xff', '0x5/0xff'],
    ['tcp_src', '80/0xff', '80/0xff'],
    ['vlan_vid', '4101', '4101'],
    ['nw_tos', '252', '252'],
    ['ip_dscp', '63', '63'],
    ['mpls_label', '1048575', '1048575'],
    ['in_port', 'LOCAL', 'LOCAL'],
  ])('%s %s', (name, value, printed) => {
    const parsed = parse(name, value);
    expect(parsed.value & ~parsed.mask).toBe(0n);
    expect(formatFieldValue(FIELD_BY_NAME.get(name)!, parsed.value, parsed.mask)).toBe(printed);
  });

  test('prerequisites', () => {
    const problem = (field: string, match: string) =>
      prerequisiteProblem(FIELD_BY_NAME.get(field)!, matchOf(match));
    expect(problem('reg0', '')).toBeUndefined();
    expect(problem('ip_src', 'ip')).toBeUndefined();
    expect(problem('ip_src', 'arp')).toMatch(/matches ip$/);
    expect(problem('tp_src', 'udp')).toMatch(/matches tcp or tcp6/);
    expect(problem('vlan_pcp', '')).toMatch(/dl_vlan/);
    expect(problem('vlan_pcp', 'dl_vlan=3')).toBeUndefined();
    expect(problem('nd_sll', 'icmp6,icmp_type=135')).toMatch(/icmp_code=0/);
    expect(problem('nd_sll', 'icmp6,icmp_type=135,icmp_code=0')).toBeUndefined();
    expect(problem('nd_tll', 'icmp6,icmp_type=135,icmp_code=0')).toMatch(/136/);
  });
});

describe('bits', () => {
  test('are read as they were written, and others stay', () => {
    const place = fc
      .integer({ min: 1, max: 128 })
      .chain((width) => fc.tuple(fc.nat(160 - width), fc.constant(width)));
    fc.assert(
      fc.property(
        place,
        fc.bigInt({ min: 0n, max: 2n ** 130n }),
        fc.boolean(),
        ([bit, width], value, ones) => {
          const words = new Int32Array(5).fill(ones ? -1 : 0);
          writeBits(words, bit, width, value);
          expect(readBits(words, bit, width)).toBe(BigInt.asUintN(width, value));
          const rest = new Int32Array(words);
          if (ones) fillBits(rest, bit, width);
          else writeBits(rest, bit, width, 0n);
          expect(rest).toEqual(new Int32Array(5).fill(ones ? -1 : 0));
        },
      ),
    );
  });
});
