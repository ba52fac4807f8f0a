// What: sorting the lines of a dump, and that the names of fields are those that the switch knows.

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isSortField, sortFlowLines } from '../../cli/format/sort-flows.ts';
import { FIELDS } from '../../src/datapath/flow/fields.ts';

/** The matches of the lines, sorted by one field. */
function sorted(field: string, matches: string[], descending = false): string[] {
  const lines = matches.map(
    (match) => ` cookie=0x0, duration=1s, table=0, n_packets=0, n_bytes=0, ${match} actions=drop`,
  );
  const result = sortFlowLines(lines, [{ field, descending }]);
  return result.map((line) => line.split(', ').at(-1)!.replace(' actions=drop', ''));
}

it('knows every field of the switch by each name but the NXM and OXM ones', () => {
  const names = FIELDS.flatMap(({ name, aliases }) => [name, ...aliases]).filter(
    (name) => !/^[A-Z]/.test(name),
  );
  expect(names.filter((name) => !isSortField(name))).toEqual([]);
  for (const name of ['', 'bla', 'reg16', 'xreg8', 'xxreg4', 'NXM_OF_IN_PORT', 'constructor']) {
    expect(isSortField(name), name).toBe(false);
  }
});

describe('sorts by', () => {
  it.each([
    ['priority', ['priority=1,tcp', 'udp', 'priority=40000,arp']],
    ['in_port', ['in_port=2', 'in_port=10', 'in_port=LOCAL', 'tcp']],
    ['nw_src', ['ip,nw_src=9.0.0.1', 'ip,nw_src=10.0.0.0/8', 'ip,nw_src=192.168.1.1', 'arp']],
    ['ip_src', ['ip,nw_src=9.0.0.1', 'ip,nw_src=10.0.0.0/8']],
    ['eth_dst', ['dl_dst=02:00:00:00:00:01', 'dl_dst=0a:00:00:00:00:00/ff:00:00:00:00:00', 'ip']],
    ['ipv6_dst', ['ipv6,ipv6_dst=::1', 'ipv6,ipv6_dst=::1.2.3.4', 'ipv6,ipv6_dst=fe80::1/64', 'ipv6']],
    ['tcp_dst', ['tcp,tp_dst=80', 'tcp6,tp_dst=443', 'udp,tp_dst=53']],
    ['nw_proto', ['icmp', 'tcp', 'udp6', 'ip,nw_proto=50', 'sctp', 'ip']],
    ['eth_type', ['ip', 'arp', 'dl_type=0x88cc', 'in_port=1']],
    ['vlan_vid', ['dl_vlan=9', 'dl_vlan=10', 'vlan_tci=0x1000/0x1000']],
    ['metadata', ['metadata=0x9', 'metadata=0x10/0xff', 'metadata=0xffffffffffffffff', 'ip']],
    ['xreg0', ['reg1=0x5', 'reg0=0x1', 'reg0=0x1,reg1=0x1', 'reg2=0x1']],
    ['xxreg0', ['reg3=0x1', 'reg1=0x1', 'reg0=0x1,reg3=0x7', 'reg4=0x1']],
  ])('%s', (field, expected) => {
    const shuffled = [...expected].reverse();
    expect(sorted(field, shuffled)).toEqual(expected);
  });

  it('falling values, with flows that lack the field still last', () => {
    expect(sorted('in_port', ['tcp', 'in_port=2', 'in_port=10'], true)).toEqual([
      'in_port=10',
      'in_port=2',
      'tcp',
    ]);
  });

  it('table and then something else', () => {
    const lines = [
      ' table=3, priority=2 actions=a',
      ' priority=5 actions=b',
      ' table=3, priority=1 actions=c',
    ];
    const criteria = [
      { field: 'table', descending: true },
      { field: 'priority', descending: false },
    ];
    expect(sortFlowLines(lines, criteria)).toEqual([lines[2], lines[0], lines[1]]);
  });

  test('what is equal by falling priority', () => {
    const lines = [' priority=1,in_port=1 actions=a', ' tcp,in_port=1 actions=b', ' priority=9 actions=c'];
    const criteria = [{ field: 'in_port', descending: false }];
    expect(sortFlowLines(lines, criteria)).toEqual([lines[1], lines[0], lines[2]]);
  });
});

it('loses no line and keeps the order of equal ones', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3)), (priorities) => {
      const lines = priorities.map((priority, index) => ` priority=${priority} actions=output:${index}`);
      const result = sortFlowLines(lines, [{ field: 'priority', descending: false }]);
      const expected = lines
        .map((line, index) => ({ line, index, priority: priorities[index]! }))
        .sort((a, b) => a.priority - b.priority || a.index - b.index);
      expect(result).toEqual(expected.map(({ line }) => line));
    }),
  );
});
