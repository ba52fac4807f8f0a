// What: which bits to add to the wildcards of a lookup when a rule was compared and differs from the key. Why: few
// bits make a cached flow serve many frames, and whole fields and prefixes make few different masks of cached flows.
// Who: classifier.ts.

import {
  KEY_IN_PORT,
  KEY_IPV6_SRC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TYPE_VLAN,
} from '../../flow/key.ts';

const IPV6_END = KEY_IPV6_SRC + 8;
const HIGH_HALF = 0xffff_0000 | 0;
const LOW_HALF = 0xffff;

/**
 * Adds bits of the rule's `mask` of `word` that show how key and rule differ there, in at least the highest bit of
 * `different`. Addresses and ports: from the first bit of the field to that bit, in steps of 8 bits; all else: the
 * whole field. Finer steps would make wider flows, but hundreds of different masks.
 */
export function addEvidence(wildcards: Int32Array, word: number, mask: number, different: number): void {
  const bit = 31 - Math.clz32(different);
  let bits = mask;
  if (word === KEY_NW_SRC || word === KEY_NW_DST || (word >= KEY_IPV6_SRC && word < IPV6_END)) {
    bits = mask & (-1 << (bit & 24));
  } else if (word === KEY_TP) {
    bits = mask & (bit >= 16 ? HIGH_HALF : LOW_HALF) & (-1 << (bit & 24));
  } else if (word === KEY_TYPE_VLAN || word === KEY_IN_PORT) {
    bits = mask & (bit >= 16 ? HIGH_HALF : LOW_HALF);
  } else if (word === KEY_NW) {
    bits = mask & (0xff << (bit & 24));
  }
  wildcards[word] = wildcards[word]! | bits;
}
