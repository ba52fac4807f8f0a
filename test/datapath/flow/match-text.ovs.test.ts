// What: matches as text, against ovs-ofctl: what it prints for a match is what is printed here. Why: users compare
// dumps, and feed a dump of one switch to the other.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FIELDS } from '../../../src/datapath/flow/fields.ts';
import { describeWith } from '../../support/describe-with.ts';
import { RandomSource } from '../../support/random-source.ts';
import { formatted } from './match-of.ts';
import { randomMatchText } from './random-match.ts';

/** The matches that ovs-ofctl prints for flows with these; undefined for one that a switch refuses. */
function printedByOvs(matches: readonly string[]): (string | undefined)[] {
  const directory = mkdtempSync(join(tmpdir(), 'match-text-'));
  try {
    const file = join(directory, 'flows.txt');
    writeFileSync(file, matches.map((match) => `${match}${match && ','}actions=drop\n`).join(''));
    const words = ['-F', 'NXM+table_id', 'parse-flows', file];
    const output = execFileSync('ovs-ofctl', words, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const lines = output.split('\n').filter((line) => line.includes('FLOW_MOD'));
    return lines.map((line) => /ADD (?:table:255 )?(.*?) ?actions=drop$/.exec(line)?.[1]);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A match that meets each prerequisite. */
const MET: Record<string, string> = {
  vlan: 'dl_vlan=1',
  ip: 'ip',
  ipv4: 'ip',
  arp: 'arp',
  ipv6: 'ipv6',
  mpls: 'mpls',
  tcp: 'tcp',
  udp: 'udp',
  sctp: 'sctp',
  icmpv4: 'icmp',
  icmpv6: 'icmp6',
  nd: 'icmp6,icmp_type=136,icmp_code=0',
  ndSolicit: 'icmp6,icmp_type=135,icmp_code=0',
  ndAdvert: 'icmp6,icmp_type=136,icmp_code=0',
};
/** Fields that are narrower here, since their upper bits are always 0 or belong to the number of another field. */
const NARROWER = ['in_port_oxm', 'arp_op'];
/** Open vSwitch can name these in a match only. */
const NO_SUBFIELD = ['dl_vlan', 'dl_vlan_pcp'];

describeWith(['ovs'], 'against ovs-ofctl', () => {
  test.each(FIELDS.filter(({ name }) => !NO_SUBFIELD.includes(name)))(
    'name, width and prerequisite of $name',
    ({ name, nxm, width, writable, prerequisite }) => {
      const parse = (match: string, action: string) => {
        const words = ['parse-flow', `${match},actions=${action}`];
        const { stdout, stderr } = spawnSync('ovs-ofctl', words, { encoding: 'utf8' });
        return stdout + stderr;
      };
      const match = prerequisite ? MET[prerequisite]! : '';
      const bit = `[${width - 1}]`;
      // One bit that is all of the field is printed without its number.
      const shown = width === 1 ? '[]' : bit;
      expect(parse(match, `move:${name}${bit}->reg0[0]`)).toContain(`move:${nxm}${shown}->NXM_NX_REG0[0]`);
      expect(parse(`dl_vlan=1,${match}`, `load:0->${name}[]`).includes('ADD')).toBe(writable);
      if (!NARROWER.includes(name)) {
        expect(parse(match, `move:${name}[${width}]->reg0[0]`)).toMatch(/bits wide|greater than|exceed|only/);
      }
      if (prerequisite) expect(parse('', `move:${name}${bit}->reg0[0]`)).toMatch(/INCONSISTENT|prereq/i);
    },
  );

  test.each([1, 2, 3])('random matches, seed %i', (seed) => {
    const random = new RandomSource(seed);
    const matches = Array.from({ length: 5000 }, () => randomMatchText(random));
    const theirs = printedByOvs(matches);
    expect(theirs.length).toBe(matches.length);
    expect(theirs.filter((printed) => printed === undefined).length).toBeLessThan(matches.length / 20);
    for (const [i, match] of matches.entries()) {
      if (theirs[i] === undefined) {
        expect(() => formatted(match), match).toThrow(/nw_frag=later/);
        continue;
      }
      expect({ match, printed: formatted(match) }).toEqual({ match, printed: theirs[i] });
      // A dump can be fed back in.
      expect({ match, again: formatted(theirs[i]!) }).toEqual({ match, again: theirs[i] });
    }
  });
});
