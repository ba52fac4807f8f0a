// What: meter text: what is accepted, how it is printed, what is refused; and the same through Open vSwitch. Why: users
// bring meters of Open vSwitch and feed dumps back in.

import { describe, expect, test } from 'vitest';
import { SwitchError } from '../../../../src/datapath/errors.ts';
import { formatMeter, parseMeter } from '../../../../src/datapath/ofproto/text/meter-text.ts';
import { describeWith } from '../../../support/describe-with.ts';
import { DummyOpenVswitch } from '../../../support/dummy-ovs.ts';

/** Text that Open vSwitch takes too; both must print the right-hand side. */
const METERS: [text: string, printed: string][] = [
  ['meter=1 pktps bands=type=drop rate=1', 'meter=1 pktps bands=\ntype=drop rate=1'],
  [
    'meter=0x10, kbps, burst, stats, bands=type=drop, rate=0x20, burst_size=5',
    'meter=16 kbps burst stats bands=\ntype=drop rate=32 burst_size=5',
  ],
  [
    'kbps meter=3 band=type=drop rate=7,type=drop,rate=8',
    'meter=3 kbps bands=\ntype=drop rate=7\ntype=drop rate=8',
  ],
  ['meter=controller pktps bands=type=drop rate=1', 'meter=controller pktps bands=\ntype=drop rate=1'],
  [
    'meter=slowpath pktps stats bands=type=drop rate=1',
    'meter=slowpath pktps stats bands=\ntype=drop rate=1',
  ],
];

/** Text that Open vSwitch refuses too, the sentence, and where the caret points. */
const REFUSED: [text: string, sentence: string, at: number][] = [
  ['kbps bands=type=drop rate=1', 'The meter has no number', 27],
  ['meter=0 kbps bands=type=drop rate=1', 'a number 1 to 4294901760', 6],
  ['meter=all kbps bands=type=drop rate=1', 'a number 1 to 4294901760', 6],
  ['meter=1 bands=type=drop rate=1', 'either kbps or pktps', 30],
  ['meter=1 kbps pktps bands=type=drop rate=1', 'either kbps or pktps', 13],
  ['meter=1 kbps', 'The meter has no bands', 12],
  ['meter=1 kbps bands=', 'The meter has no bands', 19],
  ['meter=1 kbps bands=rate=1', 'A band starts with its type', 19],
  ['meter=1 kbps bands=type=dscp_remark rate=1 prec_level=1', 'the only type of band', 24],
  ['meter=1 kbps bands=type=drop', 'A band needs a rate', 19],
  ['meter=1 kbps bands=type=drop rate=4294967296', 'a number 0 to 4294967295', 34],
  ['meter=1 kbps burst bands=type=drop rate=1', 'burst_size= and a number', 25],
  ['meter=1 kbps bands=type=drop rate=1 burst_size=1', 'the word burst', 36],
  ['meter=1 kbp bands=type=drop rate=1', 'expected kbps, perhaps', 8],
  ['meter=1 kbps bands=type=drop rat=1', 'expected rate, perhaps', 29],
];

describe('accepted', () => {
  test.each(METERS)('%s', (text, printed) => {
    const meter = parseMeter(text, 'add');
    expect(formatMeter(meter)).toBe(printed);
    expect(parseMeter(printed, 'modify')).toEqual(meter);
  });

  test('a delete names a meter only', () => {
    expect(parseMeter('meter=5', 'delete').meterId).toBe(5);
    expect(parseMeter('meter=all', 'delete').meterId).toBe(0xffff_ffff);
    expect(() => parseMeter('meter=5 kbps', 'delete')).toThrow('There is no key kbps');
  });
});

describe('refused', () => {
  test.each(REFUSED)('%s', (text, sentence, at) => {
    expect(() => parseMeter(text, 'add')).toThrow(sentence);
    expect(() => parseMeter(text, 'add')).toThrow(SwitchError);
    expect(() => parseMeter(text, 'add')).toThrow(new RegExp(`\n {${2 + at}}\\^+$`));
  });
});

describeWith(['ovs'], 'Open vSwitch', () => {
  test('reads and prints the same, and refuses the same', async () => {
    const ovs = await DummyOpenVswitch.start(1);
    try {
      for (const [text, printed] of METERS) {
        await ovs.ofctl(['-O', 'OpenFlow13', 'add-meter', text]);
        const dump = await ovs.ofctl(['-O', 'OpenFlow13', 'dump-meters']);
        expect(dump, text).toContain(`${printed}\n`);
      }
      await ovs.ofctl(['-O', 'OpenFlow13', 'del-meters']);
      for (const [text] of REFUSED) {
        const added = ovs.ofctl(['-O', 'OpenFlow13', 'add-meter', text]);
        await expect(added, text).rejects.toThrow();
      }
    } finally {
      await ovs.stop();
    }
  }, 30_000);
});
