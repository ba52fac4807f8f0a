// What: the fields over which a select group hashes, from text: `fields(eth_dst,ip_dst=255.255.0.0)`. Who:
// group-text.ts.

import { fillBits, writeBits } from '../../flow/bits.ts';
import { FIELDS, type Field, fieldMask } from '../../flow/fields.ts';
import { FLOW_WORDS, VLAN_PRESENT } from '../../flow/key.ts';
import { formatFieldValue, parseFieldValue } from '../../flow/match-text.ts';
import type { PortResolver } from '../../flow/port-number.ts';
import { nearestName, syntaxError, type Token, tokenize, valueError } from '../../flow/syntax.ts';
import type { Group } from '../entries/group.ts';

/** Fields of the pipeline come first in a list of fields (enum mf_field_id of Open vSwitch); the others keep their order. */
const PIPELINE_FIRST =
  /^(conj_id|tun_id|metadata|in_port|in_port_oxm|actset_output|pkt_mark|x{0,2}reg[0-9]+)$/;
const PIPELINE_ORDER = [
  'conj_id',
  'tun_id',
  'metadata',
  'in_port',
  'in_port_oxm',
  'actset_output',
  'pkt_mark',
];
const FIELD_ORDER: readonly Field[] = [
  ...PIPELINE_ORDER.map((name) => FIELDS.find((field) => field.name === name)!),
  ...FIELDS.filter(({ name }) => PIPELINE_FIRST.test(name) && !PIPELINE_ORDER.includes(name)),
  ...FIELDS.filter(({ name }) => !PIPELINE_FIRST.test(name)),
];

/** The names of fields in a token, each perhaps with the bits of it that count. Throws SwitchError. */
export function parseFields(text: string, token: Token, resolvePort: PortResolver): Group['fields'] {
  const masks = new Map<Field, string>();
  const words = new Int32Array(FLOW_WORDS);
  for (const inner of tokenize(text, token.valueAt, token.valueAt + (token.value?.length ?? 0))) {
    const field = FIELDS.find(({ name, aliases }) => name === inner.key || aliases.includes(inner.key));
    if (!field || /^[A-Z]/.test(inner.key)) throw unknownField(text, inner);
    if (masks.has(field))
      throw syntaxError(text, inner.keyAt, inner.key.length, `${inner.key} stands twice`, 'each field once');
    if ((inner.value ?? '') === '') {
      fillBits(words, field.bit, field.width);
      masks.set(field, field.name);
      continue;
    }
    const { value, mask } = parseFieldValue(text, inner, field, resolvePort);
    const all = fieldMask(field);
    if ((mask & all) !== all || value === 0n)
      throw valueError(text, inner, 'the bits that count, as a value that is not 0');
    const bits = new Int32Array(FLOW_WORDS);
    writeBits(bits, field.bit, field.width, value);
    for (let i = 0; i < FLOW_WORDS; i++) words[i]! |= bits[i]!;
    const isWhole = (value & all) === all;
    const shown = formatFieldValue(field, value, all | BigInt(VLAN_PRESENT));
    masks.set(field, isWhole ? field.name : `${field.name}=${shown}`);
  }
  const names = FIELD_ORDER.filter((field) => masks.has(field)).map((field) => masks.get(field)!);
  return names.length === 0 ? undefined : { words, text: names.join(',') };
}

function unknownField(text: string, token: Token) {
  const names = FIELDS.flatMap(({ name, aliases }) => [name, ...aliases]).filter(
    (name) => !/^[A-Z]/.test(name),
  );
  const nearest = nearestName(token.key, names);
  const expected = nearest ? `${nearest}, perhaps` : 'fields such as ip_src, ip_dst, tcp_dst';
  return syntaxError(
    text,
    token.keyAt,
    Math.max(1, token.key.length),
    `There is no field ${token.key}`,
    expected,
  );
}
