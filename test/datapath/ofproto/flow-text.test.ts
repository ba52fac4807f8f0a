// What: flow text: what is accepted, how it is printed, what is refused and where the caret points; and the same text
// through ovs-ofctl. Why: users bring flow files of Open vSwitch, and read dumps with its eyes.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatActions } from '../../../src/datapath/actions/action.ts';
import { SwitchError } from '../../../src/datapath/errors.ts';
import { formatMatch } from '../../../src/datapath/flow/match-text.ts';
import { NO_PORTS, type PortResolver } from '../../../src/datapath/flow/port-number.ts';
import { parseFlow, parseFlowFilter } from '../../../src/datapath/ofproto/flow-text.ts';
import type { RuleSpec } from '../../../src/datapath/ofproto/rule.ts';
import { describeWith } from '../../support/describe-with.ts';

const PORTS: PortResolver = (name) => ({ veth1: 7, 'a-b': 8 })[name];

/** As `ovs-ofctl parse-flow` prints it. */
function formatFlow({ match, priority, cookie, actions }: RuleSpec): string {
  const head = priority === 32_768 ? '' : `priority=${priority}`;
  const matched = [head, formatMatch(match)].filter((part) => part !== '').join(',');
  const cookieText = cookie === 0n ? '' : `cookie:0x${cookie.toString(16)}`;
  return [matched, cookieText, `actions=${formatActions(actions)}`].filter((part) => part !== '').join(' ');
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
    expect(formatFlow(parseFlow(text, NO_PORTS))).toBe(printed);
  });

  test('ports by name', () => {
    const flow = parseFlow('in_port=veth1,actions=a-b,output:"veth1"', PORTS);
    expect(formatFlow(flow)).toBe('in_port=7 actions=output:8,output:7');
  });

  test('what is printed can be read again', () => {
    for (const [text] of FLOWS) {
      const flow = parseFlow(text, NO_PORTS);
      const again = parseFlow(`${formatMatch(flow.match)} actions=${formatActions(flow.actions)}`, NO_PORTS);
      expect(again.match).toEqual(flow.match);
      expect(again.actions).toEqual(flow.actions);
    }
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
    ['table=1,actions=1', 'This version has table 0 only', 6, 1],
    ['idle_timeout=5,actions=1', 'idle_timeout is not supported', 0, 12],
    ['in_port=1', 'The flow has no actions', 9, 1],
    ['actions=nrmal', 'expected normal, perhaps', 8, 5],
    ['actions=drop,1', 'must not be accompanied', 8, 4],
    ['actions=output:70000', 'a port number', 15, 5],
    ['actions=output', 'output has no value', 8, 6],
    ['in_port(3,actions=1', 'This parenthesis is not closed', 7, 1],
  ])('%s', (text, sentence, at, length) => {
    const { message, code } = failure(() => parseFlow(text, NO_PORTS));
    expect(code).toBe('invalid-argument');
    const [first, shown, caret] = message.split('\n');
    expect(first).toContain(sentence);
    expect(shown).toBe(`  ${text}`);
    expect(caret).toBe(`  ${' '.repeat(at)}${'^'.repeat(length)}`);
  });

  test('the end of a long text is shown around the caret', () => {
    const text = `${'in_port=1,'.repeat(100)}foo=1,actions=1`;
    const [, shown, caret] = failure(() => parseFlow(text, NO_PORTS)).message.split('\n');
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
        for (const parse of [parseFlow, parseFlowFilter]) {
          try {
            parse(text, PORTS);
          } catch (error) {
            expect(error).toBeInstanceOf(SwitchError);
          }
        }
      }),
      { numRuns: 3000 },
    );
  });
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
