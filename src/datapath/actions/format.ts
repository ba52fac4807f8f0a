// What: actions as text, as ovs-ofctl prints them. Why: dumps are compared with those of Open vSwitch, and can be
// read back. Who: text.ts. The switch over the union names each action: a new one does not compile before it prints.

import { formatBigHex } from '../flow/field-format.ts';
import { fieldMask } from '../flow/fields.ts';
import { VLAN_PRESENT } from '../flow/key.ts';
import { formatFieldValue } from '../flow/match-text.ts';
import { formatPort, type PortNamer } from '../flow/port-number.ts';
import { MAX_U64 } from '../flow/syntax.ts';
import { formatIpv4Word, formatMac } from '../wire/address-text.ts';
import {
  type Action,
  type ControllerAction,
  CURRENT_TABLE,
  type LearnAction,
  type LearnTerm,
  type ModWord,
} from './action.ts';
import { formatSubfield } from './subfield.ts';

/** Stands above the bits of vlan_vid, which set_field writes with it. */
const VLAN_TAG_BIT = BigInt(VLAN_PRESENT);
const WHOLE_FRAME = 65_535;
/** A load sets at most so many bits; longer ones print as several. */
const LOAD_BITS = 64;

export function formatList(actions: readonly Action[], portName: PortNamer | undefined): string {
  if (actions.length === 0) return 'drop';
  let text = '';
  for (const action of actions)
    text += text === '' ? formatAction(action, portName) : `,${formatAction(action, portName)}`;
  return text;
}

function formatAction(action: Action, portName: PortNamer | undefined): string {
  const port = (number: number) => formatPort(number, portName);
  switch (action.type) {
    case 'output':
      if (action.maxLength > 0) return `output(port=${port(action.port)},max_len=${action.maxLength})`;
      return action.port > 0xfeff ? port(action.port) : `output:${port(action.port)}`;
    case 'output_field':
      return `output:${formatSubfield(action.source)}`;
    case 'normal':
    case 'flood':
    case 'all':
    case 'in_port':
    case 'table':
      return action.type.toUpperCase();
    case 'controller':
      return formatController(action);
    case 'enqueue':
      return `enqueue:${port(action.port)}:${action.queue}`;
    case 'bundle': {
      const load = action.load ? `${formatSubfield(action.load)},` : '';
      const head = `${action.load ? 'bundle_load' : 'bundle'}(${action.fields},${action.basis},${action.algorithm}`;
      return `${head},ofport,${load}members:${action.members.map(port).join(',')})`;
    }
    case 'group':
      return `group:${action.groupId}`;
    case 'set_field': {
      const value = formatFieldValue(action.field, action.value, action.mask, portName);
      const mask = action.masked ? `/${formatBigHex(action.mask)}` : '';
      return `set_field:${value}${mask}->${action.field.name}`;
    }
    case 'mod':
      return formatMod(action.word, action.value);
    case 'load':
      return formatLoad(action);
    case 'move':
      return `move:${formatSubfield(action.source)}->${formatSubfield(action.target)}`;
    case 'push':
      return `push:${formatSubfield(action.source)}`;
    case 'pop':
      return `pop:${formatSubfield(action.target)}`;
    case 'multipath': {
      const head = `${action.fields},${action.basis},${action.algorithm},${action.links},${action.argument}`;
      return `multipath(${head},${formatSubfield(action.target)})`;
    }
    case 'check_pkt_larger':
      return `check_pkt_larger(${action.length})->${formatSubfield(action.target)}`;
    case 'dec_ttl':
      return action.listed ? `dec_ttl(${action.controllerIds.join(',')})` : 'dec_ttl';
    case 'set_queue':
      return `set_queue:${action.queue}`;
    case 'push_vlan':
      return `push_vlan:0x${action.tpid.toString(16)}`;
    case 'pop_vlan':
      return action.word ?? 'pop_vlan';
    case 'push_mpls':
    case 'pop_mpls':
      return `${action.type}:0x${action.ethType.toString(16).padStart(4, '0')}`;
    case 'resubmit': {
      const from = action.port === undefined ? '' : port(action.port);
      if (from !== '' && action.tableId === CURRENT_TABLE) return `resubmit:${from}`;
      return `resubmit(${from},${action.tableId === CURRENT_TABLE ? '' : action.tableId})`;
    }
    case 'clone':
    case 'write_actions':
      return `${action.type}(${formatList(action.actions, portName)})`;
    case 'conjunction':
      return `conjunction(${action.id},${action.clause}/${action.clauses})`;
    case 'learn':
      return formatLearn(action, portName);
    case 'fin_timeout':
      return `fin_timeout(${timeouts(action.idleTimeout, action.hardTimeout)})`;
    case 'note':
      return `note:${formatBytes(action.bytes)}`;
    case 'sample': {
      const { probability, collectorSetId, obsDomainId, obsPointId, samplingPort, direction } = action;
      const ids = `collector_set_id=${collectorSetId},obs_domain_id=${obsDomainId},obs_point_id=${obsPointId}`;
      const at = samplingPort === undefined ? '' : `,sampling_port=${port(samplingPort)}`;
      return `sample(probability=${probability},${ids}${at}${direction ? `,${direction}` : ''})`;
    }
    case 'meter':
      return `meter:${action.meterId}`;
    case 'write_metadata': {
      const mask = action.mask === MAX_U64 ? '' : `/${formatBigHex(action.mask)}`;
      return `write_metadata:${formatBigHex(action.value)}${mask}`;
    }
    case 'goto_table':
      return `goto_table:${action.tableId}`;
    case 'dec_mpls_ttl':
    case 'pop_queue':
    case 'exit':
    case 'clear_actions':
      return action.type;
  }
}

/** A number as printf's %#x prints it: 0 stands without 0x. */
function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('.');
}

function timeouts(idle: number, hard: number): string {
  return [idle ? `idle_timeout=${idle}` : '', hard ? `hard_timeout=${hard}` : '']
    .filter((part) => part !== '')
    .join();
}

function formatController(action: ControllerAction): string {
  const parts: string[] = [];
  if (action.reason !== 'action') parts.push(`reason=${action.reason}`);
  if (action.maxLength !== WHOLE_FRAME) parts.push(`max_len=${action.maxLength}`);
  if (action.controllerId !== 0) parts.push(`id=${action.controllerId}`);
  if (action.userdata !== undefined) parts.push(`userdata=${formatBytes(action.userdata)}`);
  if (action.pause) parts.push('pause');
  if (action.meterId !== undefined) parts.push(`meter_id=${action.meterId}`);
  const isPlain = parts.length === (action.maxLength === WHOLE_FRAME ? 0 : 1) && action.reason === 'action';
  const hasMore =
    action.controllerId !== 0 ||
    action.userdata !== undefined ||
    action.pause ||
    action.meterId !== undefined;
  return isPlain && !hasMore ? `CONTROLLER:${action.maxLength}` : `controller(${parts.join(',')})`;
}

function formatMod(word: ModWord, value: bigint): string {
  switch (word) {
    case 'mod_dl_src':
    case 'mod_dl_dst':
      return `${word}:${formatMac(Number(value))}`;
    case 'mod_nw_src':
    case 'mod_nw_dst':
      return `${word}:${formatIpv4Word(Number(value))}`;
    case 'set_mpls_label':
    case 'set_mpls_tc':
    case 'set_mpls_ttl':
      return `${word}(${value})`;
    case 'set_tunnel':
    case 'set_tunnel64':
      return `${word}:${formatBigHex(value)}`;
    default:
      return `${word}:${value}`;
  }
}

function formatLoad({ value, target }: Extract<Action, { type: 'load' }>): string {
  const parts: string[] = [];
  for (let done = 0; done < target.width; done += LOAD_BITS) {
    const width = Math.min(LOAD_BITS, target.width - done);
    const bits = BigInt.asUintN(width, value >> BigInt(done));
    parts.push(
      `load:${formatBigHex(bits)}->${formatSubfield({ field: target.field, offset: target.offset + done, width })}`,
    );
  }
  return parts.join(',');
}

function formatLearn(action: LearnAction, portName: PortNamer | undefined): string {
  const parts = [`table=${action.tableId}`];
  if (action.idleTimeout) parts.push(`idle_timeout=${action.idleTimeout}`);
  if (action.hardTimeout) parts.push(`hard_timeout=${action.hardTimeout}`);
  if (action.finIdleTimeout) parts.push(`fin_idle_timeout=${action.finIdleTimeout}`);
  if (action.finHardTimeout) parts.push(`fin_hard_timeout=${action.finHardTimeout}`);
  if (action.priority !== 32_768) parts.push(`priority=${action.priority}`);
  if (action.sendFlowRemoved) parts.push('send_flow_rem');
  if (action.deleteLearned) parts.push('delete_learned');
  if (action.cookie !== 0n) parts.push(`cookie=${formatBigHex(action.cookie)}`);
  if (action.limit) parts.push(`limit=${action.limit}`);
  if (action.resultTarget) parts.push(`result_dst=${formatSubfield(action.resultTarget)}`);
  return `learn(${[...parts, ...action.terms.map((term) => formatTerm(term, portName))].join(',')})`;
}

function formatTerm(term: LearnTerm, portName: PortNamer | undefined): string {
  if (term.kind === 'output') return `output:${formatSubfield(term.source)}`;
  const { target, value } = term;
  const into = formatSubfield(target);
  if (term.kind === 'load')
    return `load:${typeof value === 'bigint' ? formatBigHex(value) : formatSubfield(value)}->${into}`;
  const { field, offset, width } = target;
  if (typeof value !== 'bigint') {
    return value.field === field && value.offset === offset ? into : `${into}=${formatSubfield(value)}`;
  }
  if (offset !== 0 || width !== field.width) return `${into}=${formatBigHex(value)}`;
  return `${field.name}=${formatFieldValue(field, value, fieldMask(field) | VLAN_TAG_BIT, portName)}`;
}
