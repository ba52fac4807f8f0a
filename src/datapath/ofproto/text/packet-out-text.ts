// What: parsePacketOut, a packet-out from the text of ovs-ofctl(8): `in_port=PORT,FIELD=VALUE,packet=HEX actions=…`.
// Who: packet-commands.ts. Fields other than in_port are those that only live in the pipeline, such as metadata.

import type { Action } from '../../actions/action.ts';
import { parseActions } from '../../actions/text.ts';
import { extractKey } from '../../flow/extract.ts';
import { FLOW_WORDS, KEY_ACTSET_OUTPUT, KEY_IN_PORT, KEY_WORDS, NO_ACTSET_OUTPUT } from '../../flow/key.ts';
import { Match } from '../../flow/match.ts';
import { applyMatchToken } from '../../flow/match-text.ts';
import {
  OFPORT_CONTROLLER,
  OFPORT_LOCAL,
  OFPORT_MAX,
  OFPORT_NONE,
  type PortResolver,
  parseAnyPort,
} from '../../flow/port-number.ts';
import { syntaxError, type Token, tokenize, valueError } from '../../flow/syntax.ts';
import { ETHERNET_HEADER_LENGTH } from '../../wire/ethernet.ts';

export interface PacketOut {
  /** OpenFlow port on which the frame is said to have come in. */
  inPort: number;
  frame: Uint8Array;
  /** FLOW_WORDS words: the frame's, and the fields of the pipeline. */
  key: Int32Array;
  actions: readonly Action[];
}

/** Reads a packet-out. Throws SwitchError invalid-argument. */
export function parsePacketOut(text: string, resolvePort: PortResolver): PacketOut {
  const actionsKey = /(?<=^|[, \t\r\n])actions?[ \t]*[=:]/.exec(text);
  const head = actionsKey?.index ?? text.length;
  const fields = new Match();
  let inPort = OFPORT_CONTROLLER;
  let frame: Uint8Array | undefined;
  for (const token of tokenize(text, 0, head)) {
    if (token.key === 'in_port') inPort = parseInPort(text, token, resolvePort);
    else if (token.key === 'packet') frame = parseFrame(text, token);
    else applyPipelineField(fields, text, token, resolvePort);
  }
  if (!frame) throw syntaxError(text, head, 1, 'There is no frame', 'packet= and the frame in hex');
  const key = keyOf(frame, inPort, fields);
  const from = actionsKey ? head + actionsKey[0].length : text.length;
  const options = { resolvePort, match: exactly(key), place: 'packet-out' as const };
  return { inPort, frame, key, actions: actionsKey ? parseActions(text, from, text.length, options) : [] };
}

function parseInPort(text: string, token: Token, resolvePort: PortResolver): number {
  const port = parseAnyPort(token.value ?? '', resolvePort);
  const isUsable =
    port !== undefined &&
    (port <= OFPORT_MAX || port === OFPORT_LOCAL || port === OFPORT_NONE || port === OFPORT_CONTROLLER);
  if (!isUsable) throw valueError(text, token, 'a port number, a port name, LOCAL, CONTROLLER or NONE');
  return port;
}

function parseFrame(text: string, token: Token): Uint8Array {
  const digits = (token.value ?? '').replace(/^0x/i, '').replace(/\s/g, '');
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw valueError(text, token, 'the bytes of a frame in hex');
  if (digits.length < 2 * ETHERNET_HEADER_LENGTH) {
    throw valueError(text, token, `at least the ${ETHERNET_HEADER_LENGTH} bytes of an Ethernet header`);
  }
  return Uint8Array.from(digits.match(/../g)!, (byte) => Number.parseInt(byte, 16));
}

function applyPipelineField(fields: Match, text: string, token: Token, resolvePort: PortResolver): void {
  const known = applyMatchToken(fields, text, token, resolvePort);
  const ofFrame = fields.mask.subarray(0, KEY_WORDS).some((word) => word !== 0);
  if (known !== undefined && !ofFrame) return;
  const problem = `A packet-out cannot set ${token.key}`;
  throw syntaxError(
    text,
    token.keyAt,
    Math.max(1, token.key.length),
    problem,
    'in_port, packet, or a field of the pipeline such as metadata',
  );
}

function keyOf(frame: Uint8Array, inPort: number, fields: Match): Int32Array {
  const key = new Int32Array(FLOW_WORDS);
  key.set(fields.value);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  extractKey(view, 0, frame.length, inPort, key, 0);
  key[KEY_IN_PORT] = inPort;
  key[KEY_ACTSET_OUTPUT] = NO_ACTSET_OUTPUT;
  return key;
}

/** The match that only frames with this key pass. */
function exactly(key: Int32Array): Match {
  const match = new Match();
  match.value.set(key);
  match.mask.fill(-1);
  return match;
}
