// What: the parts of action text that flow text does not show: what the parser makes of each word, lists that are
// shared, where actions stand. Who else: ofproto/flow-text*.test.ts read and print all forms, and ask Open vSwitch.

import { describe, expect, test } from 'vitest';
import type { Action } from '../../../src/datapath/actions/action.ts';
import { type ActionPlace, formatActions, parseActions } from '../../../src/datapath/actions/text.ts';
import { SwitchError } from '../../../src/datapath/errors.ts';
import { FIELD_BY_NAME } from '../../../src/datapath/flow/fields.ts';
import { NO_PORTS } from '../../../src/datapath/flow/port-number.ts';

const field = (name: string) => FIELD_BY_NAME.get(name)!;
const parse = (text: string, place: ActionPlace = 'flow') =>
  parseActions(text, 0, text.length, { resolvePort: NO_PORTS, place });

describe('what the words mean', () => {
  const reg0 = field('reg0');
  const CASES: [text: string, action: Action][] = [
    [
      'controller',
      {
        type: 'controller',
        maxLength: 65535,
        reason: 'action',
        controllerId: 0,
        userdata: undefined,
        pause: false,
        meterId: undefined,
      },
    ],
    ['local', { type: 'output', port: 0xfffe, maxLength: 0 }],
    ['output(port=in_port,max_len=64)', { type: 'output', port: 0xfff8, maxLength: 64 }],
    ['output:reg0[0..15]', { type: 'output_field', source: { field: reg0, offset: 0, width: 16 } }],
    ['enqueue:in_port:3', { type: 'enqueue', port: 0xfff8, queue: 3 }],
    ['resubmit(,3)', { type: 'resubmit', port: undefined, tableId: 3 }],
    ['resubmit:4', { type: 'resubmit', port: 4, tableId: 255 }],
    ['load:0x5->reg0[4..7]', { type: 'load', value: 5n, target: { field: reg0, offset: 4, width: 4 } }],
    ['set_field:0xff/0xf->reg0', { type: 'set_field', field: reg0, value: 0xfn, mask: 0xfn }],
    [
      'set_field:1.2.3.0/24->ip_src',
      { type: 'set_field', field: field('ip_src'), value: 0x01020300n, mask: 0xffffff00n },
    ],
    ['mod_nw_tos:8', { type: 'mod', word: 'mod_nw_tos', value: 8n }],
    ['mod_dl_src:00:00:00:00:01:02', { type: 'mod', word: 'mod_dl_src', value: 0x102n }],
    ['set_nw_ttl:9', { type: 'mod', word: 'mod_nw_ttl', value: 9n }],
    ['strip_vlan', { type: 'pop_vlan', word: 'strip_vlan' }],
    ['pop_vlan', { type: 'pop_vlan' }],
    ['dec_ttl', { type: 'dec_ttl', controllerIds: [0] }],
    ['dec_ttl(0)', { type: 'dec_ttl', controllerIds: [0], listed: true }],
    ['conjunction(7,2/3)', { type: 'conjunction', id: 7, clause: 2, clauses: 3 }],
    ['note:01', { type: 'note', bytes: Uint8Array.of(1, 0, 0, 0, 0, 0) }],
    ['write_metadata:0xff/0xf', { type: 'write_metadata', value: 0xfn, mask: 0xfn }],
    [
      'sample(probability=9)',
      {
        type: 'sample',
        probability: 9,
        collectorSetId: 0,
        obsDomainId: 0,
        obsPointId: 0,
        samplingPort: undefined,
        direction: undefined,
      },
    ],
    [
      'bundle(eth_src,7,hrw,ofport,members:1,none)',
      {
        type: 'bundle',
        load: undefined,
        fields: 'eth_src',
        basis: 7,
        algorithm: 'hrw',
        members: [1, 0xffff],
      },
    ],
  ];

  test.each(CASES)('%s', (text, action) => {
    expect(parse(text)).toEqual([action]);
  });

  test('the terms of learn', () => {
    const [learn] = parse(
      'learn(table=2,reg0[0..7]=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],in_port,load:7->reg0,load:reg0->reg1,output:reg0)',
    );
    const whole = (name: string) => ({ field: field(name), offset: 0, width: field(name).width });
    expect(learn).toMatchObject({ type: 'learn', tableId: 2, priority: 32_768, idleTimeout: 0, limit: 0 });
    expect(learn?.type === 'learn' && learn.terms).toEqual([
      { kind: 'match', target: { field: reg0, offset: 0, width: 8 }, value: 5n },
      { kind: 'match', target: whole('eth_dst'), value: whole('eth_src') },
      { kind: 'match', target: whole('in_port'), value: whole('in_port') },
      { kind: 'load', target: whole('reg0'), value: 7n },
      { kind: 'load', target: whole('reg1'), value: whole('reg0') },
      { kind: 'output', source: whole('reg0') },
    ]);
  });
});

describe('places', () => {
  test.each(['goto_table:1', 'write_metadata:1', 'clear_actions', 'write_actions(1)'])(
    '%s is for flows only',
    (text) => {
      expect(parse(text)).toHaveLength(1);
      for (const place of ['bucket', 'packet-out'] as const)
        expect(() => parse(text, place)).toThrow('not allowed here');
    },
  );

  test('a meter may come first anywhere', () => {
    expect(parse('meter:1,2', 'bucket')).toHaveLength(2);
    expect(() => parse('clone(meter:1)')).toThrow('not allowed here');
  });

  test('an action set holds what OpenFlow lets it hold', () => {
    expect(() => parse('write_actions(note:01)')).toThrow('An action set cannot hold note');
    expect(() => parse('write_actions(output(port=1,max_len=64))')).toThrow(
      'An action set cannot hold output',
    );
    expect(parse('write_actions(controller,set_queue:1,group:2)')).toHaveLength(1);
  });

  test('lists stand in each other as deep as Open vSwitch allows', () => {
    const nested = (depth: number) => `${'clone('.repeat(depth)}1${')'.repeat(depth)}`;
    expect(formatActions(parse(nested(50)))).toBe(nested(50).replace('1', 'output:1'));
    expect(() => parse(nested(200))).toThrow('too deep');
  });
});

describe('shared lists', () => {
  test('equal texts give the same list, wherever they stand', () => {
    const first = parse('1,resubmit(,7)');
    const text = 'in_port=1 actions=1,resubmit(,7)';
    expect(parseActions(text, 18, text.length, { resolvePort: NO_PORTS, place: 'flow' })).toBe(first);
  });

  test('so do lists with port names that mean the same', () => {
    const resolvePort = (name: string) => ({ a: 1, b: 1, c: 2 })[name];
    const named = (text: string) => parseActions(text, 0, text.length, { resolvePort, place: 'flow' });
    expect(named('a')).toBe(named('output:b'));
    expect(named('c')).not.toBe(named('a'));
  });

  test('the memory of texts is bounded, and what falls out of it is read anew', () => {
    const first = parse('set_queue:1,note:77');
    for (let i = 0; i < 20_000; i++) parse(`set_queue:${i},note:77`);
    expect(parse('set_queue:1,note:77')).not.toBe(first);
    expect(parse('set_queue:1,note:77')).toEqual(first);
  });
});

test('names of ports in print', () => {
  const portName = (port: number) => ({ 1: 'veth1', 2: 'b-2' })[port];
  const text = formatActions(parse('1,enqueue:1:4,resubmit:1,output(port=1,max_len=99),3,local'), portName);
  expect(text).toBe(
    'output:veth1,enqueue:veth1:4,resubmit:veth1,output(port=veth1,max_len=99),output:3,LOCAL',
  );
});

test('errors are SwitchErrors with a code', () => {
  try {
    parse('nosuch');
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(SwitchError);
    expect((error as SwitchError).code).toBe('invalid-argument');
  }
});
