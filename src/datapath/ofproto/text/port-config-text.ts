// What: the words by which `mod-port` changes the configuration of a port. Why: the same words stand in bundles. Who:
// bundle.ts. They are those of ovs-ofctl(8), mod-port.

import type { PortConfig } from '../../api.ts';
import { nearestName, syntaxError } from '../../flow/syntax.ts';

const WORDS: Readonly<Record<string, PortConfig>> = {
  up: { down: false },
  down: { down: true },
  flood: { noFlood: false },
  'no-flood': { noFlood: true },
  forward: { noForward: false },
  'no-forward': { noForward: true },
  receive: { noReceive: false },
  'no-receive': { noReceive: true },
  'packet-in': { noPacketIn: false },
  'no-packet-in': { noPacketIn: true },
};

/** The change that the words of `text` from `from` on ask for, separated by commas or spaces. Throws SwitchError. */
export function parsePortConfig(text: string, from: number): PortConfig {
  const config: PortConfig = {};
  for (const found of text.slice(from).matchAll(/[^\s,]+/g)) {
    const change = WORDS[found[0].toLowerCase()];
    if (!change) {
      const expected = nearestName(found[0], Object.keys(WORDS)) ?? Object.keys(WORDS).join(', ');
      throw syntaxError(text, from + found.index, found[0].length, `Ports know no ${found[0]}`, expected);
    }
    Object.assign(config, change);
  }
  if (Object.keys(config).length === 0) {
    throw syntaxError(text, text.length, 1, 'Nothing is said of the port', Object.keys(WORDS).join(', '));
  }
  return config;
}
