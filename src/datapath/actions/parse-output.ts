// What: reads the actions that send a frame somewhere: output, enqueue, controller, bundle, group, sample, and bare
// ports. Who: parse.ts. Syntax: ovs-actions(7).

import {
  OFPORT_ALL,
  OFPORT_CONTROLLER,
  OFPORT_FLOOD,
  OFPORT_IN_PORT,
  OFPORT_LOCAL,
  OFPORT_MAX,
  OFPORT_NONE,
  OFPORT_NORMAL,
  OFPORT_TABLE,
  parseAnyPort,
} from '../flow/port-number.ts';
import { syntaxError, type Token, valueError } from '../flow/syntax.ts';
import type { Action, ControllerAction, HashFields, PacketInReason, Subfield } from './action.ts';
import {
  type ActionParser,
  innerTokens,
  numberValue,
  type ParseContext,
  parseBytes,
  parseNumber,
  U16,
  U32,
  type Word,
  wordError,
  words,
} from './parse-context.ts';
import { hasShortHeader, namesField, parseSubfield, parseTarget } from './subfield.ts';

const A_PORT =
  'a port number 0 to 65279, a port name, or LOCAL, IN_PORT, NORMAL, FLOOD, ALL, CONTROLLER or TABLE';
/** Least bytes of a frame that is cut: its Ethernet header. */
const LEAST_LENGTH = 14;
const REASONS: readonly PacketInReason[] = [
  'action',
  'no_match',
  'invalid_ttl',
  'action_set',
  'group',
  'packet_out',
];
const HASH_FIELDS: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];

/** Outputs to reserved ports by the number of the port. */
const RESERVED_OUTPUTS = new Map<number, Action>([
  [OFPORT_NORMAL, { type: 'normal' }],
  [OFPORT_FLOOD, { type: 'flood' }],
  [OFPORT_ALL, { type: 'all' }],
  [OFPORT_TABLE, { type: 'table' }],
  [OFPORT_IN_PORT, { type: 'in_port' }],
]);

/** The action of an output to a port, which may be a reserved one. */
function outputTo(port: number): Action {
  if (port === OFPORT_CONTROLLER) return toController({});
  return RESERVED_OUTPUTS.get(port) ?? { type: 'output', port, maxLength: 0 };
}

/** True for what an output may name: an ordinary port, or a reserved one that is a destination. */
function isOutputPort(port: number): boolean {
  return port <= OFPORT_MAX || (port >= OFPORT_IN_PORT && port <= OFPORT_LOCAL);
}

/** A bare port or reserved word; undefined when the key names none. */
export function parseBarePort(context: ParseContext, token: Token): Action | undefined {
  const port = parseAnyPort(token.key, context.resolvePort);
  if (port === undefined) return undefined;
  if (!isOutputPort(port)) {
    throw syntaxError(
      context.text,
      token.keyAt,
      token.key.length,
      `${token.key} is no port to send to`,
      A_PORT,
    );
  }
  return outputTo(port);
}

const parseOutput: ActionParser = (context, token) => {
  const value = token.value ?? '';
  if (/(^|[, ])(port|max_len)=/.test(value)) return parseTruncated(context, token);
  const port = parseAnyPort(value, context.resolvePort);
  if (port !== undefined) {
    if (!isOutputPort(port)) throw valueError(context.text, token, A_PORT);
    return outputTo(port);
  }
  if (namesField(value) || value.includes('[')) {
    return { type: 'output_field', source: parseSubfield(context.text, { word: value, at: token.valueAt }) };
  }
  throw valueError(context.text, token, `${A_PORT}, or a field such as reg0[0..15]`);
};

function parseTruncated(context: ParseContext, token: Token): Action {
  let port: number | undefined;
  let maxLength = 0;
  for (const inner of innerTokens(context, token)) {
    if (inner.key === 'port') {
      port = parseAnyPort(inner.value ?? '', context.resolvePort);
      const isPlain = port !== undefined && port <= OFPORT_MAX;
      if (!isPlain && port !== OFPORT_LOCAL && port !== OFPORT_IN_PORT) {
        throw valueError(context.text, inner, 'a port number 0 to 65279, a port name, LOCAL or IN_PORT');
      }
    } else if (inner.key === 'max_len') {
      const expected = `a number of bytes, at least ${LEAST_LENGTH}`;
      maxLength = numberValue(context, inner, U32, expected);
      if (maxLength < LEAST_LENGTH) throw valueError(context.text, inner, expected);
    } else {
      throw unknownKey(context, inner, 'port=… and max_len=…');
    }
  }
  if (port === undefined || maxLength === 0) {
    throw valueError(context.text, token, 'port=… and max_len=…');
  }
  return { type: 'output', port, maxLength };
}

/** The error for a key that an action does not have. */
export function unknownKey(context: ParseContext, token: Token, expected: string) {
  const length = Math.max(1, token.key.length);
  return syntaxError(context.text, token.keyAt, length, `${token.key} has no meaning here`, expected);
}

function toController(options: Partial<ControllerAction>): ControllerAction {
  return {
    type: 'controller',
    maxLength: U16,
    reason: 'action',
    controllerId: 0,
    userdata: undefined,
    pause: false,
    meterId: undefined,
    ...options,
  };
}

const parseController: ActionParser = (context, token) => {
  const value = token.value ?? '';
  if (/^[0-9]+$/.test(value)) return toController({ maxLength: numberValue(context, token, U16) });
  const action = toController({});
  for (const inner of innerTokens(context, token)) {
    switch (inner.key) {
      case 'reason': {
        const reason = REASONS.find((name) => name === inner.value?.toLowerCase());
        if (!reason) throw valueError(context.text, inner, `one of ${REASONS.join(', ')}`);
        action.reason = reason;
        break;
      }
      case 'max_len':
        action.maxLength = numberValue(context, inner, U16);
        break;
      case 'id':
        action.controllerId = numberValue(context, inner, U16);
        break;
      case 'userdata': {
        const bytes = parseBytes(inner.value ?? '');
        if (!bytes)
          throw valueError(context.text, inner, 'bytes as pairs of hex digits, for example 01.02.ff');
        action.userdata = bytes.length === 0 ? undefined : bytes;
        break;
      }
      case 'pause':
        action.pause = true;
        break;
      case 'meter_id':
        // 0 stands for no meter.
        action.meterId = numberValue(context, inner, U32) || undefined;
        break;
      default:
        throw unknownKey(context, inner, 'max_len=, reason=, id=, userdata=, pause or meter_id=');
    }
  }
  return action;
};

const parseEnqueue: ActionParser = (context, token) => {
  const value = token.value ?? '';
  const [, portText = '', queueText = ''] = /^[:q,]*([^:q,]+)[:q,](.*)$/.exec(value) ?? [];
  const port = parseAnyPort(portText, context.resolvePort);
  const queue = parseNumber(queueText);
  if (port === undefined || queue === undefined || queue > U32) {
    throw valueError(context.text, token, 'PORT:QUEUE, or PORT,QUEUE between parentheses');
  }
  if (port > OFPORT_MAX && port !== OFPORT_IN_PORT && port !== OFPORT_LOCAL) {
    throw valueError(context.text, token, 'a port number 0 to 65279, LOCAL or IN_PORT, then a queue');
  }
  return { type: 'enqueue', port, queue };
};

/** `eth_src` and its like. */
export function parseHashFields(context: ParseContext, word: Word): HashFields {
  const fields = HASH_FIELDS.find((name) => name === word.word.toLowerCase());
  if (fields) return fields;
  throw wordError(context, word, `${word.word} names no fields to hash`, `one of ${HASH_FIELDS.join(', ')}`);
}

/** A number 0..maximum that stands between commas. */
export function wordNumber(context: ParseContext, word: Word, maximum: number): number {
  const number = parseNumber(word.word);
  if (number !== undefined && number <= maximum) return number;
  throw wordError(context, word, `${word.word} is no number`, `a number 0 to ${maximum}`);
}

/** A subfield that the older actions can write. */
export function shortTarget(context: ParseContext, word: Word): Subfield {
  const target = parseTarget(context.text, word);
  if (hasShortHeader(target.field)) return target;
  throw wordError(context, word, `${target.field.name} cannot be used here`, 'a field with a NXM name');
}

function parseBundle(context: ParseContext, token: Token, hasTarget: boolean): Action {
  const form = `FIELDS,BASIS,active_backup|hrw,ofport${hasTarget ? ',FIELD' : ''},members:PORTS`;
  const parts = words(token, ', ');
  const fixed = hasTarget ? 5 : 4;
  const [fields, basis, algorithm, kind, target] = parts;
  const delimiter = parts[fixed];
  if (!fields || !basis || !algorithm || !kind || !delimiter) throw valueError(context.text, token, form);
  const head = /^:*(members|slaves)(?=:|$)/i.exec(delimiter.word);
  if (!head) throw wordError(context, delimiter, 'The members are missing', 'members: and the ports');
  const method = algorithm.word.toLowerCase();
  if (method !== 'active_backup' && method !== 'hrw') {
    throw wordError(context, algorithm, `There is no algorithm ${algorithm.word}`, 'active_backup or hrw');
  }
  if (kind.word.toLowerCase() !== 'ofport') {
    throw wordError(context, kind, `There are no members of kind ${kind.word}`, 'ofport');
  }
  return {
    type: 'bundle',
    load: hasTarget ? shortTarget(context, target!) : undefined,
    fields: parseHashFields(context, fields),
    basis: wordNumber(context, basis, U16),
    algorithm: method,
    members: parseMembers(context, token, delimiter.at - token.valueAt + head[0].length),
  };
}

function parseMembers(context: ParseContext, token: Token, from: number): number[] {
  const list = (token.value ?? '').slice(from).replace(/^:/, ' ');
  const part: Token = { ...token, value: list, valueAt: token.valueAt + from };
  return words(part, ', []').map((word) => {
    const port = parseAnyPort(word.word, context.resolvePort);
    const isMember = port !== undefined && (isOutputPort(port) || port === OFPORT_NONE);
    if (!isMember || port === OFPORT_CONTROLLER) {
      throw wordError(context, word, `${word.word} is no port`, 'a port number, a port name, LOCAL or NONE');
    }
    return port;
  });
}

const parseSample: ActionParser = (context, token) => {
  let probability = 0;
  let [collectorSetId, obsDomainId, obsPointId] = [0, 0, 0];
  let samplingPort: number | undefined;
  let direction: 'ingress' | 'egress' | undefined;
  for (const inner of innerTokens(context, token)) {
    if (inner.key === 'probability') probability = numberValue(context, inner, U16);
    else if (inner.key === 'collector_set_id') collectorSetId = numberValue(context, inner, U32);
    else if (inner.key === 'obs_domain_id') obsDomainId = numberValue(context, inner, U32);
    else if (inner.key === 'obs_point_id') obsPointId = numberValue(context, inner, U32);
    else if (inner.key === 'ingress' || inner.key === 'egress') direction = inner.key;
    else if (inner.key === 'sampling_port') {
      samplingPort = parseAnyPort(inner.value ?? '', context.resolvePort);
      if (samplingPort === undefined) throw valueError(context.text, inner, 'a port number or a port name');
      if (samplingPort === OFPORT_NONE) samplingPort = undefined;
    } else {
      const expected =
        'probability=, collector_set_id=, obs_domain_id=, obs_point_id=, sampling_port=, ingress, egress';
      throw unknownKey(context, inner, expected);
    }
  }
  if (probability === 0) throw valueError(context.text, token, 'probability= and a number 1 to 65535');
  return { type: 'sample', probability, collectorSetId, obsDomainId, obsPointId, samplingPort, direction };
};

export const OUTPUT_PARSERS: Record<string, ActionParser> = {
  output: parseOutput,
  output_reg: parseOutput,
  controller: parseController,
  enqueue: parseEnqueue,
  bundle: (context, token) => parseBundle(context, token, false),
  bundle_load: (context, token) => parseBundle(context, token, true),
  group: (context, token) => ({ type: 'group', groupId: numberValue(context, token, U32) }),
  sample: parseSample,
};
