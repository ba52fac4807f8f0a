// What: bits of a field from and to text: `NXM_NX_REG0[0..15]`, `reg0[3]`, `reg0[]`, `reg0`. Who: the parsers and the
// printer of the actions that read or write parts of fields.

import { FIELD_BY_NAME, type Field, fieldMask, isUnsupportedField } from '../flow/fields.ts';
import { VLAN_PRESENT } from '../flow/key.ts';
import { nearestName, syntaxError } from '../flow/syntax.ts';
import type { Subfield } from './action.ts';
import type { Word } from './parse-context.ts';

const BITS = /^\[(?:([0-9]+)(?:\.\.([0-9]+))?)?\]$/;
const EXPECTED = 'a field, perhaps with bits: reg0, reg0[], reg0[4] or reg0[0..15]';

/** The subfield that a word names. Throws SwitchError invalid-argument. */
export function parseSubfield(text: string, { word, at }: Word): Subfield {
  const open = word.indexOf('[');
  const name = open < 0 ? word : word.slice(0, open);
  const field = findField(text, name, at);
  const all: Subfield = { field, offset: 0, width: field.width };
  if (open < 0) return all;
  const bits = BITS.exec(word.slice(open));
  if (!bits) {
    throw syntaxError(text, at + open, word.length - open, `${word.slice(open)} names no bits`, EXPECTED);
  }
  if (bits[1] === undefined) return all;
  const from = Number(bits[1]);
  const to = bits[2] === undefined ? from : Number(bits[2]);
  if (from > to || to >= field.width) {
    const expected = `the lowest bit, two dots and the highest one, within 0 to ${field.width - 1}`;
    const problem = from > to ? `Bit ${from} is above bit ${to}` : `${name} has no bit ${to}`;
    throw syntaxError(text, at + open, word.length - open, problem, expected);
  }
  return { field, offset: from, width: to - from + 1 };
}

/** True when a word can only be meant as a field. */
export function namesField(word: string): boolean {
  const open = word.indexOf('[');
  return fieldOf(open < 0 ? word : word.slice(0, open)) !== undefined;
}

/** As parseSubfield(), of a field that actions may change. */
export function parseTarget(text: string, word: Word): Subfield {
  const target = parseSubfield(text, word);
  if (target.field.writable) return target;
  throw syntaxError(
    text,
    word.at,
    word.word.length,
    `${target.field.name} is read-only`,
    'a field that actions can change',
  );
}

/** The field of a name, also a NXM or OXM name. Throws SwitchError invalid-argument. */
export function findField(text: string, name: string, at: number): Field {
  const field = fieldOf(name);
  if (field) return field;
  const length = Math.max(1, name.length);
  if (isUnsupportedField(name)) {
    throw syntaxError(text, at, length, `Field ${name} is not supported yet`, 'another field');
  }
  const nearest = nearestName(name, FIELD_BY_NAME.keys());
  const problem = name === '' ? 'The field is missing' : `There is no field ${name}`;
  throw syntaxError(text, at, length, problem, nearest ? `${nearest}, perhaps` : EXPECTED);
}

function fieldOf(name: string): Field | undefined {
  // A NXM name with _W stands for the same field with a mask.
  return (
    FIELD_BY_NAME.get(name) ?? (/^[A-Z].*_W$/.test(name) ? FIELD_BY_NAME.get(name.slice(0, -2)) : undefined)
  );
}

/** True for a field that the older actions can name: not one of the experimenter's, nor one that only text has. */
export function hasShortHeader(field: Field): boolean {
  return field.nxm !== '' && !field.nxm.startsWith('ONFOXM');
}

/** The mask with which set_field writes all of a field; the number of a tag has a bit above it, "has a tag". */
export function wholeMask(field: Field): bigint {
  const isNumberOfTag = field.syntax === 'vid' || field.syntax === 'vid_present';
  return isNumberOfTag ? fieldMask(field) | BigInt(VLAN_PRESENT) : fieldMask(field);
}

/** Whether a set_field shows this mask, which covers the field, since it is not whole for the bytes of the field. */
export function showsWholeMask(field: Field, mask: bigint): boolean {
  const all = fieldMask(field);
  const bits = [8, 16, 32].find((size) => field.width <= size) ?? field.width;
  return (mask & all) === all && mask !== (1n << BigInt(bits)) - 1n;
}

/** The subfield as load, move and learn print it. */
export function formatSubfield({ field, offset, width }: Subfield): string {
  const name = field.nxm === '' ? field.name : field.nxm;
  if (offset === 0 && width === field.width) return `${name}[]`;
  return width === 1 ? `${name}[${offset}]` : `${name}[${offset}..${offset + width - 1}]`;
}
