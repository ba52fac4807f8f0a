// What: the actions that send a frame somewhere: output, normal, flood, all, in_port, local. Why: they share one
// syntax, since in OpenFlow each of them is an output to a port, some of them to a reserved one. Who: action.ts.

import { OFPORT_LOCAL, type PortResolver, parsePort } from '../flow/port-number.ts';
import { type Token, valueError } from '../flow/syntax.ts';

/** `output` to a port number (also OFPORT_LOCAL), or to one of the reserved meanings. */
export type OutputAction =
  | { type: 'output'; port: number }
  | { type: 'normal' }
  | { type: 'flood' }
  | { type: 'all' }
  | { type: 'in_port' };

/** Words that start an action, for messages. */
export const OUTPUT_WORDS = ['output', 'normal', 'flood', 'all', 'in_port', 'local', 'drop'] as const;

/**
 * The action of a token: `output:PORT`, `output(PORT)`, a bare port or a reserved word in any case. Undefined when
 * the key is none of these. Throws SwitchError invalid-argument for output to a port that is not known.
 */
export function parseOutput(text: string, token: Token, resolvePort: PortResolver): OutputAction | undefined {
  if (token.key.toLowerCase() !== 'output') {
    return token.value === undefined ? parseTarget(token.key, resolvePort) : undefined;
  }
  const action = parseTarget(token.value ?? '', resolvePort);
  if (!action) throw valueError(text, token, 'a port number 0 to 65279, a port name, LOCAL or IN_PORT');
  return action;
}

function parseTarget(target: string, resolvePort: PortResolver): OutputAction | undefined {
  const word = target.toLowerCase();
  if (word === 'normal' || word === 'flood' || word === 'all' || word === 'in_port') return { type: word };
  const port = parsePort(target, resolvePort);
  return port === undefined ? undefined : { type: 'output', port };
}

export function formatOutput(action: OutputAction): string {
  if (action.type !== 'output') return action.type.toUpperCase();
  return action.port === OFPORT_LOCAL ? 'LOCAL' : `output:${action.port}`;
}
