// What: commands of requests as the datapath's words. Why: the datapath does not know the wire format. Who: the
// services that change flows, groups and meters. A number that this version does not know is refused.

import type { FlowModCommand, GroupCommand, MeterCommand } from '../../datapath/index.ts';
import { tsswitch } from '../../generated/services.ts';
import { nameOf } from '../messages.ts';

const { FlowModCommand: FlowMods, GroupModCommand: GroupMods, MeterModCommand: MeterMods } = tsswitch.v1;

const FLOW_MODS: Record<FlowModCommand, tsswitch.v1.FlowModCommand> = {
  add: FlowMods.FLOW_MOD_COMMAND_ADD,
  modify: FlowMods.FLOW_MOD_COMMAND_MODIFY,
  modify_strict: FlowMods.FLOW_MOD_COMMAND_MODIFY_STRICT,
  delete: FlowMods.FLOW_MOD_COMMAND_DELETE,
  delete_strict: FlowMods.FLOW_MOD_COMMAND_DELETE_STRICT,
};

const GROUP_MODS: Record<GroupCommand, tsswitch.v1.GroupModCommand> = {
  add: GroupMods.GROUP_MOD_COMMAND_ADD,
  modify: GroupMods.GROUP_MOD_COMMAND_MODIFY,
  add_or_modify: GroupMods.GROUP_MOD_COMMAND_ADD_OR_MODIFY,
  delete: GroupMods.GROUP_MOD_COMMAND_DELETE,
  insert_buckets: GroupMods.GROUP_MOD_COMMAND_INSERT_BUCKETS,
  remove_buckets: GroupMods.GROUP_MOD_COMMAND_REMOVE_BUCKETS,
};

const METER_MODS: Record<MeterCommand, tsswitch.v1.MeterModCommand> = {
  add: MeterMods.METER_MOD_COMMAND_ADD,
  modify: MeterMods.METER_MOD_COMMAND_MODIFY,
  delete: MeterMods.METER_MOD_COMMAND_DELETE,
};

/** Unspecified means add, here and below. */
export function flowModCommandOf(value: tsswitch.v1.FlowModCommand): FlowModCommand {
  if (value === FlowMods.FLOW_MOD_COMMAND_UNSPECIFIED) return 'add';
  return nameOf(FLOW_MODS, value, 'flow command');
}

/** A line of a file: a flow, perhaps with what is to be done with it in front. */
export function commandAndFlow(line: string): { command: FlowModCommand; flow: string } {
  const text = line.trim();
  const [, word, flow = ''] =
    /^(add|modify|modify_strict|delete|delete_strict)(?:[\s,]+(.*))?$/.exec(text) ?? [];
  return word === undefined ? { command: 'add', flow: text } : { command: word as FlowModCommand, flow };
}

export function groupCommandOf(value: tsswitch.v1.GroupModCommand): GroupCommand {
  if (value === GroupMods.GROUP_MOD_COMMAND_UNSPECIFIED) return 'add';
  return nameOf(GROUP_MODS, value, 'group command');
}

export function meterCommandOf(value: tsswitch.v1.MeterModCommand): MeterCommand {
  if (value === MeterMods.METER_MOD_COMMAND_UNSPECIFIED) return 'add';
  return nameOf(METER_MODS, value, 'meter command');
}
