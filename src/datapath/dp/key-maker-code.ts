// What: writes the code that makes masked keys of plain frames, for one key mask. Why: with the mask known, a key is
// some loads, ANDs and multiplications in a row, without a branch per field; key-maker.ts says what a key is. Who:
// key-maker.ts alone.
// A frame is plain for a mask when what the mask asks for can be read without following the headers: nothing but
// Ethernet with at most one tag for a mask of Ethernet fields, else IPv4 without options that is no fragment, and for
// ports a TCP or UDP header that is all there. All other frames are left to makeRare().
// Invariants: reads only bytes of the frame; the source holds no text but numbers and what stands in this file.

import {
  KEY_IN_PORT,
  KEY_MAC,
  KEY_NW,
  KEY_NW_DST,
  KEY_NW_SRC,
  KEY_TP,
  KEY_TPID_TCP_FLAGS,
  KEY_TYPE_VLAN,
  NW_FRAG_ANY,
  NW_FRAG_LATER,
} from '../flow/key.ts';

/** Makes keys and hashes of rows from..to-1; `maker` makes those of rows that are not plain. */
export type KeyCode = (
  maker: { makeRare(row: number): void },
  view: DataView,
  keys: Int32Array,
  hashes: Int32Array,
  offset: Int32Array,
  length: Int32Array,
  from: number,
  to: number,
  inPort: number,
  seed: number,
) => void;

const PARAMETERS = ['maker', 'view', 'keys', 'hashes', 'offset', 'length', 'from', 'to', 'inPort', 'seed'];
const FRAG_BITS = NW_FRAG_ANY | NW_FRAG_LATER;
const RARE = '{ maker.makeRare(row); continue; }';

/** Code for a mask; `words` are the indices of its words that are not 0. Undefined where no code may be generated. */
export function compileKeyCode(mask: Int32Array, words: Int32Array, vlanLimit: number): KeyCode | undefined {
  try {
    // Code generation can be switched off for a whole process (--disallow-code-generation-from-strings).
    return new Function(...PARAMETERS, keyCodeSource(mask, words, vlanLimit)) as KeyCode;
  } catch {
    return undefined;
  }
}

function keyCodeSource(mask: Int32Array, words: Int32Array, vlanLimit: number): string {
  const { code, word } = parserSource(mask, vlanLimit);
  const lines = ['for (let row = from; row < to; row++) {', 'const o = offset[row];', ...code];
  lines.push(`const at = row * ${words.length};`, 'let h = seed, w = 0;');
  for (const [i, index] of words.entries()) {
    lines.push(`w = ${word(index)} & ${mask[index]};`, `keys[at + ${i}] = w;`);
    // mixHash of flow/key.ts.
    lines.push(`h = Math.imul(h ^ w, ${0x9e37_79b1 | 0});`, 'h ^= h >>> 15;');
  }
  // finishHash of flow/key.ts.
  lines.push(`h = Math.imul(h, ${0x85eb_ca6b | 0});`, 'hashes[row] = h ^ (h >>> 13);', '}');
  return lines.join('\n');
}

/** Code that leaves frames that are not plain to makeRare(), and how each word of the key of the others is written. */
function parserSource(
  mask: Int32Array,
  vlanLimit: number,
): { code: string[]; word: (index: number) => string } {
  const deep = mask.some((bits, index) => index > KEY_TP && index !== KEY_TPID_TCP_FLAGS && bits !== 0);
  const wantsPorts = mask[KEY_TP] !== 0 || (mask[KEY_TPID_TCP_FLAGS]! & 0xffff) !== 0;
  const wantsNetwork =
    wantsPorts ||
    deep ||
    mask[KEY_NW_SRC] !== 0 ||
    mask[KEY_NW_DST] !== 0 ||
    (mask[KEY_NW]! & ~FRAG_BITS) !== 0;
  const wantsIp = wantsNetwork || mask[KEY_NW] !== 0;
  const wantsType = wantsIp || mask[KEY_TYPE_VLAN] !== 0 || mask[KEY_TPID_TCP_FLAGS] !== 0;
  const code: string[] = [];
  if (wantsIp) code.push(...ipSource(wantsNetwork, wantsPorts, vlanLimit));
  else if (wantsType) code.push(...typeSource(vlanLimit));
  return { code, word: (index) => wordSource(index, wantsNetwork, wantsPorts) };
}

/** Sets typeVlan and tpid (0: no tag), for any type behind at most one tag. */
function typeSource(vlanLimit: number): string[] {
  const code = ['let typeVlan = view.getUint16(o + 12), tpid = 0;', `if (typeVlan < 0x600) ${RARE}`];
  if (vlanLimit === 0) return [...code, 'typeVlan <<= 16;'];
  const isRare =
    vlanLimit === 1 ? 'typeVlan < 0x600' : 'typeVlan < 0x600 || typeVlan === 0x8100 || typeVlan === 0x88a8';
  return [
    ...code,
    'if (typeVlan === 0x8100 || typeVlan === 0x88a8) {',
    `if (length[row] < 18) ${RARE}`,
    'tpid = typeVlan;',
    'typeVlan = view.getUint16(o + 16);',
    `if (${isRare}) ${RARE}`,
    'typeVlan = typeVlan << 16 | view.getUint16(o + 14) | 0x1000;',
    '} else typeVlan <<= 16;',
  ];
}

/** Sets typeVlan, tpid and l3 for IPv4 with a header of 20 bytes that is no fragment, and what is asked for of it. */
function ipSource(wantsNetwork: boolean, wantsPorts: boolean, vlanLimit: number): string[] {
  const code = [
    'const n = length[row];',
    `if (n < 34) ${RARE}`,
    // EtherType, version and header length stand side by side.
    'let l3 = o + 14, typeVlan = 0x8000000, tpid = 0, head = view.getInt32(o + 12);',
    'if (head >>> 8 !== 0x80045) {',
    'tpid = head >>> 16;',
    vlanLimit === 0 ? RARE : `if ((tpid !== 0x8100 && tpid !== 0x88a8) || n < 38) ${RARE}`,
    'typeVlan |= head & 0xffff | 0x1000;',
    'head = view.getInt32(o + 16);',
    `if (head >>> 8 !== 0x80045) ${RARE}`,
    'l3 = o + 18;',
    '}',
  ];
  if (!wantsNetwork) return [...code, `if ((view.getUint16(l3 + 6) & 0x3fff) !== 0) ${RARE}`];
  code.push(
    'const total = view.getUint16(l3 + 2);',
    `if (total < 20 || l3 + total > o + n || (view.getUint16(l3 + 6) & 0x3fff) !== 0) ${RARE}`,
    'const ttlProto = view.getInt32(l3 + 8), proto = ttlProto >>> 16 & 0xff;',
  );
  if (wantsPorts) {
    // A TCP header says how long it is: at least 20 bytes, all of them there.
    code.push(
      `if (proto === 17 ? total < 28 : proto !== 6 || total < 40) ${RARE}`,
      'if (proto === 6) {',
      'const words = view.getUint8(l3 + 32) >>> 4;',
      `if (words < 5 || 20 + 4 * words > total) ${RARE}`,
      '}',
    );
  }
  return code;
}

function wordSource(index: number, wantsNetwork: boolean, wantsPorts: boolean): string {
  if (index === KEY_IN_PORT) return 'inPort';
  if (index >= KEY_MAC && index < KEY_TYPE_VLAN) return `view.getInt32(o + ${4 * (index - KEY_MAC)})`;
  if (index === KEY_TYPE_VLAN) return 'typeVlan';
  if (index === KEY_NW_SRC) return 'view.getInt32(l3 + 12)';
  if (index === KEY_NW_DST) return 'view.getInt32(l3 + 16)';
  // Fragment bits are 0 in a plain frame.
  if (index === KEY_NW && wantsNetwork)
    return '(proto << 24 | (head & 0xff) << 16 | ttlProto >>> 16 & 0xff00)';
  if (index === KEY_TP) return 'view.getInt32(l3 + 20)';
  if (index === KEY_TPID_TCP_FLAGS) {
    return wantsPorts ? '(tpid << 16 | (proto === 6 ? view.getUint16(l3 + 32) & 0xfff : 0))' : 'tpid << 16';
  }
  // Words of headers that a plain frame does not have.
  return '0';
}
