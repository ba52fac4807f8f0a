// What: flow text: what is accepted, how it is printed, what is refused and where the caret points; and the same text
// through ovs-ofctl. Why: users bring flow files of Open vSwitch, and read dumps with its eyes.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SwitchError } from '../../../../src/datapath/errors.ts';
import { Match } from '../../../../src/datapath/flow/match.ts';
import { NO_PORTS, type PortResolver } from '../../../../src/datapath/flow/port-number.ts';
import { MaskShapes } from '../../../../src/datapath/ofproto/entries/compact-match.ts';
import type { FlowMod } from '../../../../src/datapath/ofproto/entries/flow-mod.ts';
import { Rule } from '../../../../src/datapath/ofproto/entries/rule.ts';
import {
  describeRule,
  formatFlowMod,
  formatRule,
  parseFlowMod,
  parseFlowQuery,
} from '../../../../src/datapath/ofproto/text/flow-text.ts';
import { describeWith } from '../../../support/describe-with.ts';
import { FLOW_LINES, REFUSED_LINES } from './flow-lines.ts';

/** Keys that parse-flow prints in short. */
const LONG_KEYS: Record<string, string> = { idle: 'idle_timeout', hard: 'hard_timeout' };

const PORTS: PortResolver = (name) => ({ veth1: 7, 'a-b': 8 })[name];

const parse = (text: string, resolve: PortResolver = NO_PORTS) => parseFlowMod(text, 'add', resolve);

/** As `ovs-ofctl parse-flow` prints it, without the command. */
function formatFlow(mod: FlowMod): string {
  return formatFlowMod(mod).replace(/^ADD /, '');
}

/** Text that ovs-ofctl takes too; both must print the right-hand side. */
const FLOWS: [text: string, printed: string][] = [
  ['actions=normal', 'actions=NORMAL'],
  ['priority=0 actions=NORMAL', 'priority=0 actions=NORMAL'],
  ['priority=32768,ip,actions=1', 'ip actions=output:1'],
  ['priority=0x10,actions=1', 'priority=16 actions=output:1'],
  ['cookie=12,actions=1', 'cookie:0xc actions=output:1'],
  ['in_port=1 , tcp\tactions=2', 'tcp,in_port=1 actions=output:2'],
  ['in_port=1,,tcp,actions=2,,3', 'tcp,in_port=1 actions=output:2,output:3'],
  ['in_port=LOCAL,actions=local', 'in_port=LOCAL actions=LOCAL'],
  ['in_port(3),actions=output(4)', 'in_port=3 actions=output:4'],
  ['in_port:3,action=output=4', 'in_port=3 actions=output:4'],
  ['actions=1 2, 3', 'actions=output:1,output:2,output:3'],
  ['actions=flood,all,in_port,output:in_port', 'actions=FLOOD,ALL,IN_PORT,IN_PORT'],
  ['actions=output:normal', 'actions=NORMAL'],
  ['actions=drop', 'actions=drop'],
  ['actions=', 'actions=drop'],
  ['dl_src=1:2:3:4:5:6,actions=1', 'dl_src=01:02:03:04:05:06 actions=output:1'],
  [
    'eth_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=1',
    'dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=output:1',
  ],
  [
    'dl_src=1:2:3:4:5:6/ff:ff:ff:00:00:00,actions=1',
    'dl_src=01:02:03:00:00:00/ff:ff:ff:00:00:00 actions=output:1',
  ],
  ['dl_type=0x1234,actions=1', 'dl_type=0x1234 actions=output:1'],
  ['dl_type=5,actions=1', 'dl_type=0x0005 actions=output:1'],
  ['dl_type=0x800,nw_proto=6,actions=1', 'tcp actions=output:1'],
  ['dl_type=0x0800,nw_proto=99,actions=1', 'ip,nw_proto=99 actions=output:1'],
  ['dl_type=0x86dd,nw_proto=17,tp_dst=3,actions=1', 'udp6,tp_dst=3 actions=output:1'],
  ['dl_vlan=0,actions=1', 'dl_vlan=0 actions=output:1'],
  ['dl_vlan=0xffff,actions=1', 'vlan_tci=0x0000 actions=output:1'],
  ['dl_vlan=5,dl_vlan_pcp=2,actions=1', 'dl_vlan=5,dl_vlan_pcp=2 actions=output:1'],
  ['vlan_pcp=2,actions=1', 'dl_vlan_pcp=2 actions=output:1'],
  ['vlan_tci=0x1123/0x1fff,actions=1', 'dl_vlan=291 actions=output:1'],
  ['vlan_tci=0x0000,actions=1', 'vlan_tci=0x0000 actions=output:1'],
  ['vlan_tci=0/0x1fff,actions=1', 'vlan_tci=0x0000/0x1fff actions=output:1'],
  ['vlan_vid=0x1000/0x1000,actions=1', 'vlan_tci=0x1000/0x1000 actions=output:1'],
  ['vlan_vid=0x1005,actions=1', 'dl_vlan=5 actions=output:1'],
  ['ip,vlan_tci=0x1005,dl_vlan=7,actions=1', 'ip,dl_vlan=7,dl_vlan_pcp=0 actions=output:1'],
  ['ip,nw_src=10.0.0.1/255.0.255.0,actions=1', 'ip,nw_src=10.0.0.0/255.0.255.0 actions=output:1'],
  ['nw_src=10.1.2.3/8,ip,actions=1', 'ip,nw_src=10.0.0.0/8 actions=output:1'],
  ['ip,ip_dst=1.2.3.4/0,actions=1', 'ip actions=output:1'],
  ['ip,nw_src=*,dl_dst=*,actions=1', 'ip actions=output:1'],
  ['ip,nw_tos=252,nw_ecn=1,nw_ttl=3,actions=1', 'ip,nw_tos=252,nw_ecn=1,nw_ttl=3 actions=output:1'],
  ['ip,ip_dscp=10,actions=1', 'ip,nw_tos=40 actions=output:1'],
  ['ip,ip_frag=yes,actions=1', 'ip,nw_frag=yes actions=output:1'],
  ['ip,nw_frag=no,actions=1', 'ip,nw_frag=no actions=output:1'],
  ['ip,nw_frag=first,actions=1', 'ip,nw_frag=first actions=output:1'],
  ['ip,nw_frag=later,actions=1', 'ip,nw_frag=later actions=output:1'],
  ['ip,nw_frag=not_later,actions=1', 'ip,nw_frag=not_later actions=output:1'],
  [
    'arp,arp_spa=1.2.3.4/16,arp_op=1,arp_sha=1:2:3:4:5:6,actions=1',
    'arp,arp_spa=1.2.0.0/16,arp_op=1,arp_sha=01:02:03:04:05:06 actions=output:1',
  ],
  ['arp,nw_dst=1.2.3.4,nw_proto=2,actions=1', 'arp,arp_tpa=1.2.3.4,arp_op=2 actions=output:1'],
  ['rarp,arp_spa=1.2.3.4,actions=1', 'rarp,arp_spa=1.2.3.4 actions=output:1'],
  ['icmp,icmp_type=8,icmp_code=0,actions=1', 'icmp,icmp_type=8,icmp_code=0 actions=output:1'],
  ['icmp6,icmpv6_type=135,actions=1', 'icmp6,icmp_type=135 actions=output:1'],
  ['ipv6,ipv6_src=2001:db8::/32,actions=1', 'ipv6,ipv6_src=2001:db8::/32 actions=output:1'],
  ['ip6,ipv6_dst=1:0:0:2::3,actions=1', 'ipv6,ipv6_dst=1:0:0:2::3 actions=output:1'],
  [
    'ipv6,ipv6_src=1:0:0:2::/ffff:0:0:ffff::,actions=1',
    'ipv6,ipv6_src=1:0:0:2::/ffff:0:0:ffff:: actions=output:1',
  ],
  ['ipv6,ipv6_src=::ffff:1.2.3.4,actions=1', 'ipv6,ipv6_src=::ffff:1.2.3.4 actions=output:1'],
  ['tcp,tcp_dst=80,actions=1', 'tcp,tp_dst=80 actions=output:1'],
  ['udp6,udp_dst=53,actions=1', 'udp6,tp_dst=53 actions=output:1'],
  ['sctp,tp_src=4,actions=1', 'sctp,tp_src=4 actions=output:1'],
  ['udp,tp_src=0x1000/0xf000,actions=1', 'udp,tp_src=0x1000/0xf000 actions=output:1'],
  ['tcp,tp_src=010,tp_dst=0x10,actions=1', 'tcp,tp_src=8,tp_dst=16 actions=output:1'],
  ['ip,arp,actions=1', 'arp actions=output:1'],
  [
    'cookie=0x0, duration=2.880s, table=0, n_packets=1, n_bytes=60, idle_age=2, hard_age=3, priority=65535,tcp,in_port=3,vlan_tci=0x0000,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:06,nw_src=192.168.0.1,nw_dst=192.168.0.2,nw_tos=0,tp_src=2533,tp_dst=0 actions=output:1',
    'priority=65535,tcp,in_port=3,vlan_tci=0x0000,dl_src=50:54:00:00:00:05,dl_dst=50:54:00:00:00:06,nw_src=192.168.0.1,nw_dst=192.168.0.2,nw_tos=0,tp_src=2533,tp_dst=0 actions=output:1',
  ],
];

describe('accepted', () => {
  test.each(FLOWS)('%s', (text, printed) => {
    expect(formatFlow(parse(text))).toBe(printed);
  });

  test('ports by name', () => {
    const flow = parse('in_port=veth1,actions=a-b,output:"veth1",enqueue:a-b:3,resubmit(veth1,2)', PORTS);
    const printed = 'in_port=7 actions=output:8,output:7,enqueue:8:3,resubmit(7,2)';
    expect(formatFlow(flow)).toBe(printed);
  });

  test('a name means what it means when the flow is read', () => {
    const text = 'actions=output:eth0';
    expect(parse(text, () => 1).actions).toEqual([{ type: 'output', port: 1, maxLength: 0 }]);
    expect(parse(text, () => 2).actions).toEqual([{ type: 'output', port: 2, maxLength: 0 }]);
    expect(() => parse(text)).toThrow('eth0');
  });

  test('what is printed can be read again', () => {
    for (const line of [...FLOWS.map(([text]) => text), ...FLOW_LINES]) {
      const flow = parse(line);
      const printed = formatFlow(flow);
      const again = parse(
        printed.replace(/\b(cookie|idle|hard|importance):/g, (_, key) => `${LONG_KEYS[key] ?? key}=`),
      );
      expect(again.match, line).toEqual(flow.match);
      // A load of more than 64 bits prints as several.
      if (!line.includes('XXREG1[]')) expect(again.actions, line).toEqual(flow.actions);
      expect(formatFlow(again), line).toBe(printed);
    }
  });

  test('flows with equal actions share one list', () => {
    expect(parse('in_port=1,actions=2,resubmit(,3)').actions).toBe(
      parse('ip actions=2,resubmit(,3)').actions,
    );
  });

  test('a match can be used again', () => {
    const match = new Match();
    parseFlowMod('tcp,nw_src=1.2.3.4,actions=1', 'add', NO_PORTS, match);
    const mod = parseFlowMod('in_port=3,actions=1', 'add', NO_PORTS, match);
    expect(mod.match).toBe(match);
    expect(formatFlow(mod)).toBe('in_port=3 actions=output:1');
  });
});

describe('keys of a flow', () => {
  test('an addition', () => {
    const text =
      'table=3,priority=7,cookie=0x1f,idle_timeout=5,hard_timeout=6,importance=8,send_flow_rem,check_overlap,no_byte_counts,ip actions=1';
    const mod = parse(text);
    expect(mod).toMatchObject({ command: 'add', tableId: 3, priority: 7, cookie: 0x1fn, setsCookie: true });
    expect(mod).toMatchObject({
      idleTimeout: 5,
      hardTimeout: 6,
      importance: 8,
      cookieMask: 0n,
      flags: 1 | 2 | 16,
    });
    expect(formatFlowMod(mod)).toBe(
      'ADD table:3 priority=7,ip cookie:0x1f idle:5 hard:6 importance:8 send_flow_rem check_overlap no_byte_counts actions=output:1',
    );
  });

  test('a change without a table is for all tables, an addition for table 0', () => {
    expect(parse('actions=1').tableId).toBe(0);
    expect(parse('table=255,actions=1').tableId).toBe(0);
    expect(parseFlowMod('actions=1', 'modify', NO_PORTS).tableId).toBe(255);
    expect(parseFlowMod('table=2,priority=3,actions=1', 'modify_strict', NO_PORTS).priority).toBe(3);
  });

  test('a change may choose flows by their cookie, and give them one', () => {
    const mod = parseFlowMod('cookie=5,cookie=0x12/0xf0,actions=1', 'modify', NO_PORTS);
    expect(mod).toMatchObject({ cookie: 5n, setsCookie: true, cookieFilter: 0x10n, cookieMask: 0xf0n });
    expect(formatFlowMod(mod)).toBe('MOD cookie:0x5 cookie:0x10/0xf0 actions=output:1');
  });

  test('a filter', () => {
    const mod = parseFlowQuery('table=1,cookie=1/-1,out_port=LOCAL,out_group=9,tcp', false, NO_PORTS);
    expect(mod).toMatchObject({
      command: 'delete',
      tableId: 1,
      cookieFilter: 1n,
      cookieMask: 2n ** 64n - 1n,
    });
    expect(mod).toMatchObject({ outPort: 0xfffe, outGroup: 9, actions: [] });
    expect(parseFlowQuery('', false, NO_PORTS)).toMatchObject({
      tableId: 255,
      outPort: undefined,
      cookieMask: 0n,
    });
    expect(parseFlowQuery('out_group=any', false, NO_PORTS).outGroup).toBeUndefined();
    expect(parseFlowMod('priority=4,ip', 'delete_strict', NO_PORTS)).toMatchObject({
      command: 'delete_strict',
      priority: 4,
    });
  });

  test.each([
    ['priority=4', 'Only del-flows --strict and delete_strict choose flows by priority'],
    ['cookie=4', 'cookie=4/-1'],
    ['idle_timeout=4', 'Flows cannot be chosen by idle_timeout'],
    ['ip,actions=1', 'Flows cannot be chosen by actions'],
    ['send_flow_rem', 'Flows cannot be chosen by send_flow_rem'],
    ['out_port=nosuch', 'a port number'],
  ])('a filter cannot say %s', (text, sentence) => {
    expect(() => parseFlowQuery(text, false, NO_PORTS)).toThrow(sentence);
  });

  test('a change cannot set the importance', () => {
    expect(() => parseFlowMod('importance=1,actions=1', 'modify', NO_PORTS)).toThrow(
      'is set when it is added',
    );
  });
});

describe('a line of a dump', () => {
  const shapes = new MaskShapes();
  const ruleOf = (text: string) => {
    const mod = parse(text);
    const { tableId, match, priority, cookie, actions, idleTimeout, hardTimeout, importance, flags } = mod;
    return new Rule(
      tableId,
      shapes.compact(match),
      priority,
      cookie,
      actions,
      idleTimeout,
      hardTimeout,
      importance,
      flags,
      1,
      1,
    );
  };
  const counts = { packets: 3, bytes: 180, createdMs: 1000, modifiedMs: 1000, usedMs: 2600 };
  const text =
    'table=2,priority=9,cookie=0xab,idle_timeout=5,hard_timeout=6,send_flow_rem,importance=4,tcp,in_port=1,actions=2';

  test('with counters', () => {
    expect(formatRule(ruleOf('actions=drop'), counts, 4880, { stats: true })).toBe(
      ' cookie=0x0, duration=3.880s, table=0, n_packets=3, n_bytes=180, idle_age=2, actions=drop',
    );
    expect(formatRule(ruleOf(text), { ...counts, modifiedMs: 3000 }, 5000, { stats: true })).toBe(
      ' cookie=0xab, duration=4s, table=2, n_packets=3, n_bytes=180, idle_timeout=5, hard_timeout=6, send_flow_rem importance=4, idle_age=2, hard_age=2, priority=9,tcp,in_port=1 actions=output:2',
    );
  });

  test('without counters, and with names', () => {
    const portName = (port: number) => ({ 1: 'p1', 2: 'p2' })[port];
    expect(formatRule(ruleOf('actions=drop'), counts, 4880, { stats: false })).toBe(' actions=drop');
    expect(formatRule(ruleOf('priority=1,actions=drop'), counts, 4880, { stats: false })).toBe(
      ' priority=1 actions=drop',
    );
    expect(formatRule(ruleOf(text), counts, 4880, { stats: false, portName })).toBe(
      ' cookie=0xab, table=2, idle_timeout=5, hard_timeout=6, send_flow_rem importance=4, priority=9,tcp,in_port=p1 actions=output:p2',
    );
  });

  test('one after the other, with different matches', () => {
    const lines = [
      'in_port=1 actions=drop',
      'tcp,nw_src=1.2.3.0/24,tp_dst=80 actions=drop',
      'in_port=2 actions=drop',
    ];
    for (const line of lines) expect(formatRule(ruleOf(line), counts, 0, { stats: false })).toBe(` ${line}`);
  });

  test('in parts', () => {
    expect(describeRule(ruleOf(text), counts, 4880)).toEqual({
      tableId: 2,
      priority: 9,
      cookie: '0xab',
      match: 'tcp,in_port=1',
      actions: 'output:2',
      packets: 3,
      bytes: 180,
      durationSeconds: 3.88,
      idleTimeout: 5,
      hardTimeout: 6,
      importance: 4,
      flags: ['send_flow_rem'],
      idleAgeSeconds: 2,
      hardAgeSeconds: 3,
    });
  });
});

describe('refused, with a caret', () => {
  test.each([
    ['foo=1,actions=1', 'There is no field foo', 0, 3],
    ['in_prt=1,actions=1', 'expected in_port, perhaps', 0, 6],
    ['priority=70000,actions=1', 'a number 0 to 65535', 9, 5],
    ['tcp,tp_dst=70000,actions=1', 'a number 0 to 65535', 11, 5],
    ['ip,tp_dst=80,actions=1', 'tp_dst means nothing unless the flow also matches tcp, udp or sctp', 3, 6],
    ['nw_src=1.2.3.4,actions=1', 'expected ip or arp beside it', 0, 6],
    ['arp,ipv6_src=::1,actions=1', 'ipv6 beside it', 4, 8],
    ['udp,tcp_dst=1,actions=1', 'tcp or tcp6 beside it', 4, 7],
    ['dl_dst=zz,actions=1', 'a MAC address such as', 7, 2],
    ['ip,nw_src=1.2.3,actions=1', 'an IPv4 address', 10, 5],
    ['ip,nw_src=1.2.3.4/33,actions=1', 'a prefix length 0 to 32', 10, 10],
    ['ipv6,ipv6_dst=1::2::3,actions=1', 'an IPv6 address', 14, 7],
    ['dl_vlan=4096,actions=1', 'a VLAN number 0 to 4095', 8, 4],
    ['ip,nw_tos=3,actions=1', 'a multiple of 4', 10, 1],
    ['ip,nw_proto=6/7,actions=1', 'nw_proto takes no mask', 13, 2],
    ['in_port=nosuch,actions=1', 'a port number', 8, 6],
    ['in_port=,actions=1', 'in_port has no value', 0, 7],
    ['cookie=1/1,actions=1', 'a cookie without a mask', 7, 3],
    ['table=254,actions=1', 'a table number 0 to 253', 6, 3],
    ['idle_timeout=65536,actions=1', 'a number 0 to 65535', 13, 5],
    ['out_port=1,actions=1', 'out_port chooses flows to list or to delete', 0, 8],
    ['ct_state=+trk,actions=1', 'not supported yet', 0, 8],
    ['udp,actions=set_field:80->tcp_dst', 'tcp_dst means nothing unless the flow matches tcp', 12, 9],
    ['actions=1,meter:3', 'meter must stand before 1', 10, 5],
    ['actions=goto_table:1,drop,2', 'drop must not be accompanied', 21, 4],
    ['actions=goto_table:1,output:2', 'output must stand before goto_table', 21, 6],
    ['table=4,actions=goto_table:4', 'does not lead forward from table 4', 16, 10],
    ['actions=clone(1,goto_table:4)', 'goto_table is not allowed here', 16, 10],
    ['actions=load:16->reg0[0..3]', '16 does not fit', 13, 2],
    ['actions=load:1->reg0[0..32]', 'reg0 has no bit 32', 20, 7],
    ['actions=load:1->metdata', 'expected metadata, perhaps', 16, 7],
    ['actions=2,ct(commit)', 'ct is not supported yet', 10, 2],
    ['actions=set_feild:1->reg0', 'expected set_field, perhaps', 8, 9],
    ['actions=learn(table=1,reg0=xreg1)', 'xreg1 has 64 bits', 27, 5],
    ['actions=resubmit(in_port)', 'resubmit needs a port or a table', 8, 8],
    ['actions=push_vlan:0x8100,pop_mpls:0x800', 'pop_mpls needs a match on mpls', 25, 8],
    ['in_port=1', 'The flow has no actions', 9, 1],
    ['actions=nrmal', 'expected normal, perhaps', 8, 5],
    ['actions=drop,1', 'must not be accompanied', 8, 4],
    ['actions=output:70000', 'a port number', 15, 5],
    ['actions=output', 'output has no value', 8, 6],
    ['in_port(3,actions=1', 'This parenthesis is not closed', 7, 1],
  ])('%s', (text, sentence, at, length) => {
    const { message, code } = failure(() => parse(text));
    expect(code).toBe('invalid-argument');
    const [first, shown, caret] = message.split('\n');
    expect(first).toContain(sentence);
    expect(shown).toBe(`  ${text}`);
    expect(caret).toBe(`  ${' '.repeat(at)}${'^'.repeat(length)}`);
  });

  test('the end of a long text is shown around the caret', () => {
    const text = `${'in_port=1,'.repeat(100)}foo=1,actions=1`;
    const [, shown, caret] = failure(() => parse(text)).message.split('\n');
    expect(shown!.length).toBeLessThan(120);
    expect(shown!.slice(caret!.indexOf('^'))).toMatch(/^foo=1/);
  });

  test('random text is parsed or refused, nothing else', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'in_port',
        'ip',
        'tcp',
        'nw_src',
        'dl_dst',
        'actions',
        'output',
        'normal',
        'cookie',
        'table',
      ),
      fc.constantFrom('=', ',', ' ', ':', '/', '(', ')', '0x', '1.2.3.4', '::', '-', '"'),
      fc.string({ maxLength: 4 }),
      fc.nat(99_999).map(String),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = pieces.join('');
        for (const read of [
          (line: string) => parse(line, PORTS),
          (line: string) => parseFlowQuery(line, false, PORTS),
        ]) {
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SwitchError);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
});

test.each(REFUSED_LINES)('refused: %s', (line) => {
  expect(failure(() => parse(line)).message).toMatch(/: expected .*\n {2}.*\n +\^/);
});

function failure(body: () => unknown): SwitchError {
  try {
    body();
  } catch (error) {
    if (error instanceof SwitchError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describeWith(['ovs'], 'ovs-ofctl reads and prints the same', () => {
  test.each(FLOWS)('%s', (text, printed) => {
    // NXM can carry all masks, so nothing is rounded to OpenFlow 1.0; table 255 stands for "none given".
    const args = ['-F', 'NXM+table_id', 'parse-flow', text];
    const { stdout, stderr } = spawnSync('ovs-ofctl', args, { encoding: 'utf8' });
    const line = stdout.trim().split('\n').at(-1)!;
    expect(stderr).toBe('');
    expect(line.replace(/^.*ADD (table:255 )?/, '')).toBe(printed);
  });
});
