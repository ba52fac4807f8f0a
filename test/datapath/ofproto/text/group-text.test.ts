// What: group text: what is accepted, how it is printed, what is refused and where the caret points; and the same
// through ovs-ofctl. Why: users bring group files of Open vSwitch and feed dumps back in.

import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { SwitchError } from '../../../../src/datapath/errors.ts';
import { readBits } from '../../../../src/datapath/flow/bits.ts';
import { FIELD_BY_NAME } from '../../../../src/datapath/flow/fields.ts';
import { NO_PORTS, type PortResolver } from '../../../../src/datapath/flow/port-number.ts';
import {
  BUCKET_ALL,
  BUCKET_FIRST,
  BUCKET_LAST,
  GROUP_ALL,
} from '../../../../src/datapath/ofproto/entries/group.ts';
import { formatGroup, parseGroupMod } from '../../../../src/datapath/ofproto/text/group-text.ts';
import { describeWith } from '../../../support/describe-with.ts';

const PORTS: PortResolver = (name) => ({ p1: 1, 'p-2': 2 })[name];
const add = (text: string, resolve = NO_PORTS) => parseGroupMod(text, 'add', resolve);

/** Text that ovs-ofctl takes too; both must print the right-hand side. */
const GROUPS: [text: string, printed: string][] = [
  ['group_id=1,type=all', 'group_id=1,type=all'],
  ['group_id=0x10 type=all bucket=1', 'group_id=16,type=all,bucket=bucket_id:0,actions=output:1'],
  [
    'group_id=1,type=all,bucket=output:1,bucket=actions=2,3,bucket=action=drop',
    'group_id=1,type=all,bucket=bucket_id:0,actions=output:1,bucket=bucket_id:1,actions=output:2,output:3,bucket=bucket_id:2,actions=drop',
  ],
  [
    'group_id=1,type=select,bucket=weight:5,1,bucket=weight=0,watch_port:3,2,bucket=bucket_id:0,resubmit(,4)',
    'group_id=1,type=select,bucket=bucket_id:1,weight:5,actions=output:1,bucket=bucket_id:2,weight:0,watch_port:3,actions=output:2,bucket=bucket_id:0,actions=resubmit(,4)',
  ],
  [
    'group_id=1,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:7,watch_port:any,output:2',
    'group_id=1,type=ff,bucket=bucket_id:0,watch_port:1,actions=output:1,bucket=bucket_id:1,watch_group:7,actions=output:2',
  ],
  [
    'group_id=1,type=fast_failover,bucket=watch_port:controller,group:4',
    'group_id=1,type=ff,bucket=bucket_id:0,watch_port:CONTROLLER,actions=group:4',
  ],
  ['group_id=1,type=indirect,bucket=actions=', 'group_id=1,type=indirect,bucket=bucket_id:0,actions=drop'],
  [
    'group_id=1,type=all,bucket=output(port=1,max_len=100),mod_dl_src:1:2:3:4:5:6',
    'group_id=1,type=all,bucket=bucket_id:0,actions=output(port=1,max_len=100),mod_dl_src:01:02:03:04:05:06',
  ],
  [
    'group_id=4294967040,type=select,selection_method=dp_hash,selection_method_param=9,bucket=local',
    'group_id=4294967040,type=select,selection_method=dp_hash,selection_method_param=9,bucket=bucket_id:0,actions=LOCAL',
  ],
  [
    'group_id=1,type=select,selection_method=hash,fields(tcp_dst,dl_dst,ip_dst=255.255.0.0,reg0,metadata),bucket=1',
    'group_id=1,type=select,selection_method=hash,fields(metadata,reg0,eth_dst,ip_dst=255.255.0.0,tcp_dst),bucket=bucket_id:0,actions=output:1',
  ],
  [
    'group_id=1,type=select,selection_method=hash,fields=eth_dst=ff:ff:ff:00:00:00,bucket=1',
    'group_id=1,type=select,selection_method=hash,fields=eth_dst=ff:ff:ff:00:00:00,bucket=bucket_id:0,actions=output:1',
  ],
];

describe('accepted', () => {
  test.each(GROUPS)('%s', (text, printed) => {
    expect(formatGroup(add(text).group)).toBe(printed);
  });

  test('what is printed can be read again', () => {
    for (const [text, printed] of GROUPS) expect(add(printed).group, text).toEqual(add(text).group);
  });

  test('ports by name', () => {
    const { group } = add('group_id=1,type=ff,bucket=watch_port:p1,output:"p-2"', PORTS);
    expect(group.buckets[0]).toMatchObject({
      watchPort: 1,
      actions: [{ type: 'output', port: 2, maxLength: 0 }],
    });
    const printed = 'group_id=1,type=ff,bucket=bucket_id:0,watch_port:p1,actions=output:2';
    expect(formatGroup(group, (port) => (port === 1 ? 'p1' : undefined))).toBe(printed);
  });

  test('the bits over which a group hashes', () => {
    const { fields } = add(
      'group_id=1,type=select,selection_method=hash,fields(ip_src=0.0.0.255,tcp_dst),bucket=1',
    ).group;
    const bitsOf = (name: string) => {
      const { bit, width } = FIELD_BY_NAME.get(name)!;
      return readBits(fields!.words, bit, width);
    };
    expect([bitsOf('ip_src'), bitsOf('tcp_dst'), bitsOf('tcp_src')]).toEqual([0xffn, 0xffffn, 0n]);
  });

  test('other commands', () => {
    expect(parseGroupMod('', 'delete', NO_PORTS).group.groupId).toBe(GROUP_ALL);
    expect(parseGroupMod('group_id=all', 'delete', NO_PORTS).group.groupId).toBe(GROUP_ALL);
    expect(parseGroupMod('group_id=7', 'delete', NO_PORTS).group.groupId).toBe(7);
    const insert = parseGroupMod(
      'group_id=1,command_bucket_id=first,bucket=bucket_id:7,weight:3,1',
      'insert_buckets',
      NO_PORTS,
    );
    expect(insert).toMatchObject({
      commandBucketId: BUCKET_FIRST,
      group: { buckets: [{ bucketId: 7, weight: 3 }] },
    });
    const where = (text: string) => parseGroupMod(text, 'remove_buckets', NO_PORTS).commandBucketId;
    expect(where('group_id=1,command_bucket_id=last')).toBe(BUCKET_LAST);
    expect(where('group_id=1,command_bucket_id=all')).toBe(BUCKET_ALL);
    expect(where('group_id=1,command_bucket_id=12')).toBe(12);
    expect(where('group_id=1')).toBeUndefined();
  });
});

/** Text that ovs-ofctl or ovs-vswitchd refuses too, the sentence, and what the caret points at. */
const REFUSED: [text: string, sentence: string, at: number, length: number][] = [
  ['type=all,bucket=1', 'The group has no number', 9, 1],
  ['group_id=1,bucket=1', 'The group has no type', 11, 1],
  ['group_id=4294967041,type=all', 'a group number 0 to 4294967040', 9, 10],
  ['group_id=1,type=foo', 'all, select, indirect or ff', 16, 3],
  ['group_id=1,typ=all', 'expected type, perhaps', 11, 3],
  ['group_id=1,type=select,selection_method=foo,bucket=1', 'hash or dp_hash', 40, 3],
  ['group_id=1,type=select,fields=eth_dst,bucket=1', 'selection_method=hash', 23, 6],
  ['group_id=1,type=select,selection_method_param=1,bucket=1', 'goes with selection_method', 23, 22],
  ['group_id=1,type=all,selection_method=hash,bucket=1', 'Only select groups choose', 20, 16],
  [
    'group_id=1,type=select,selection_method=hash,fields(eth_dts),bucket=1',
    'expected eth_dst, perhaps',
    52,
    7,
  ],
  [
    'group_id=1,type=select,selection_method=hash,fields(eth_dst,dl_dst),bucket=1',
    'dl_dst stands twice',
    60,
    6,
  ],
  ['group_id=1,type=select,selection_method=hash,fields(ip_src=0.0.0.0),bucket=1', 'not 0', 59, 7],
  ['group_id=1,type=all,bucket=weight:1,2', 'Only buckets of select groups', 20, 6],
  ['group_id=1,type=select,bucket=weight:65536,2', 'a weight 0 to 65535', 37, 5],
  ['group_id=1,type=select,bucket=weight:1', 'The bucket has no actions', 23, 6],
  ['group_id=1,type=ff,bucket=1', 'watches something', 19, 6],
  ['group_id=1,type=all,bucket=watch_port:1,1', 'watch nothing', 20, 6],
  ['group_id=1,type=ff,bucket=watch_port:local,1', 'a port number', 37, 5],
  ['group_id=1,type=indirect', 'An indirect group has one bucket', 24, 1],
  ['group_id=1,type=indirect,bucket=1,bucket=2', 'An indirect group has one bucket', 34, 6],
  ['group_id=1,type=all,bucket=bucket_id:1,1,bucket=bucket_id:1,2', 'Bucket 1 stands twice', 41, 6],
  ['group_id=1,type=all,bucket=goto_table:3', 'goto_table is not allowed here', 27, 10],
  ['group_id=1,type=all,bucket=1,flod', 'expected flood, perhaps', 29, 4],
  ['group_id=1,type=all,command_bucket_id=1,bucket=1', 'command_bucket_id is not needed here', 20, 17],
];

describe('refused, with a caret', () => {
  test.each(REFUSED)('%s', (text, sentence, at, length) => {
    const message = failure(() => add(text));
    const [first, shown, caret] = message.split('\n');
    expect(first).toContain(sentence);
    const from = caret!.indexOf('^');
    expect(caret!.length - from).toBe(length);
    // A long text is shown around the caret.
    expect(shown!.slice(from)).toBe(text.slice(at, at + shown!.length - from));
  });

  test('what other commands do not take', () => {
    const refused = (text: string, command: 'delete' | 'insert_buckets' | 'remove_buckets') =>
      failure(() => parseGroupMod(text, command, NO_PORTS));
    expect(refused('group_id=1,bucket=1', 'delete')).toContain('Buckets are not needed');
    expect(refused('group_id=1,type=all', 'delete')).toContain('type is not needed');
    expect(refused('group_id=1,bucket=1', 'insert_buckets')).toContain('The place of the buckets is missing');
    expect(refused('group_id=1,command_bucket_id=all,bucket=1', 'insert_buckets')).toContain(
      'first, last or a bucket',
    );
    expect(refused('group_id=1,bucket=1', 'remove_buckets')).toContain('Buckets are not needed');
  });
});

function failure(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    if (error instanceof SwitchError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

/** What `ovs-ofctl parse-group` prints; undefined when the group is refused by it, or when it is sent. */
function parseGroup(text: string): string | undefined {
  const { status, stdout } = spawnSync('ovs-ofctl', ['parse-group', text], { encoding: 'utf8' });
  const line = stdout.split('\n').find((part) => part.startsWith(' ADD '));
  return status === 0 ? line?.replace(' ADD ', '') : undefined;
}

describeWith(['ovs'], 'ovs-ofctl reads and prints the same', () => {
  test.each(GROUPS)('%s', (text, printed) => {
    expect(parseGroup(text)).toBe(printed);
  });

  test.each(REFUSED)('both refuse %s', (text) => {
    expect(parseGroup(text)).toBeUndefined();
  });
});
