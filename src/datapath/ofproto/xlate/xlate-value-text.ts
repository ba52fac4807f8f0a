// What: `NXM_NX_REG1[0..15] is now 0x4`, as a trace reports a written field. Who: xlate-*.ts, when someone listens.

import type { Subfield } from '../../actions/action.ts';
import { readBits } from '../../flow/bits.ts';
import { formatFieldValue } from '../../flow/match-text.ts';
import { firstBit } from './xlate-bits.ts';

export function subfieldNote(flow: Int32Array, subfield: Subfield): string {
  const { field, offset, width } = subfield;
  const value = readBits(flow, firstBit(subfield), width);
  const isWhole = width === field.width;
  let bits = '';
  if (!isWhole) bits = width === 1 ? String(offset) : `${offset}..${offset + width - 1}`;
  const ones = 2n ** BigInt(field.width) - 1n;
  const text = isWhole ? formatFieldValue(field, value, ones) : formatHex(value);
  return `${field.nxm}[${bits}] is now ${text}`;
}

/** Zero without a prefix, as Open vSwitch prints bits. */
function formatHex(value: bigint): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}
