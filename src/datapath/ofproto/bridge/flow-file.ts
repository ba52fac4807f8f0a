// What: flow text that is only read: parse-flow, and the flows of a file as a bridge would list them. Why: users compare
// files with bridges, and check a flow before they add it. Who: switch.ts. Nothing is changed.

import type { FlowForm, FlowModCommand, ParsedFlow } from '../../api.ts';
import { SwitchError } from '../../errors.ts';
import { Match } from '../../flow/match.ts';
import { NO_PORTS } from '../../flow/port-number.ts';
import { TextWriter } from '../../flow/text-writer.ts';
import { located, readFlowCommand, readRest, withoutComment } from '../text/bundle-line.ts';
import { findActions, formatFlowMod, parseFlowMod, writeFlowLine } from '../text/flow-text.ts';
import { openflowForm } from '../text/openflow-form.ts';
import {
  chooseProtocol,
  formatProtocols,
  messageName,
  parseProtocols,
  protocolsOfVersions,
} from '../text/openflow-protocols.ts';
import { usableProtocols } from '../text/openflow-usable.ts';
import type { Bridge } from './bridge.ts';

/**
 * The flow as `ovs-ofctl parse-flow` prints it in `form`; without, as it was written. Throws SwitchError
 * invalid-argument, also when no protocol of `form` can say the flow.
 */
export function parsedFlow(
  bridge: Bridge | undefined,
  command: FlowModCommand,
  text: string,
  form?: FlowForm,
): ParsedFlow {
  const resolvePort = bridge?.resolvePort ?? NO_PORTS;
  const mod = parseFlowMod(text, command, resolvePort);
  if (!form) return { text: formatFlowMod(mod), usableProtocols: '', chosenProtocol: '', messageName: '' };
  const actionsAt = findActions(text);
  const usable = usableProtocols(text, actionsAt < 0 ? text.length : actionsAt, mod, resolvePort);
  const within = form.within.reduce((common, list) => common & parseProtocols(list), usable);
  const chosen = chooseProtocol(within, protocolsOfVersions(form.versions));
  if (chosen === 0) throw notUsable(usable, within, form);
  return {
    text: formatFlowMod(openflowForm(mod, chosen, usable)),
    usableProtocols: formatProtocols(within),
    chosenProtocol: formatProtocols(chosen),
    messageName: messageName(chosen),
  };
}

function notUsable(usable: number, within: number, { versions, within: others }: FlowForm): SwitchError {
  const can = `This flow can be said in ${formatProtocols(usable)}`;
  if (within === 0) {
    const all = `other flows in ${others.join(' or ')}`;
    return new SwitchError('invalid-argument', `${can}, ${all}: no protocol can say them all.`);
  }
  return new SwitchError('invalid-argument', `${can}, not in ${versions.join(' or ')}.`);
}

/** What normalizeFlows() writes into, and the match that it reads. */
const writer = new TextWriter();
const match = new Match();

/**
 * The flows in lines of a file, each as a line of a dump without statistics. Throws SwitchError that names `source` and
 * line.
 */
export function normalizeFlows(
  bridge: Bridge | undefined,
  lines: readonly string[],
  firstLine: number,
  source: string,
): string {
  const resolvePort = bridge?.resolvePort ?? NO_PORTS;
  writer.clear();
  for (let i = 0; i < lines.length; i++) {
    const text = withoutComment(lines[i]!);
    if (text.trim() === '') continue;
    try {
      const { rest } = readFlowCommand(text, 0, 'add');
      writeFlowLine(
        writer,
        readRest(text, rest, (flow) => parseFlowMod(flow, 'add', resolvePort, match)),
      );
    } catch (error) {
      throw located(error, source, firstLine + i);
    }
  }
  return writer.take();
}
