// What: datapath values as gRPC messages, and enumerations of requests as datapath values. Why: the datapath does not
// know the wire format, and no service repeats the conversion. Who: the services.

import type { BridgeSpec, FailMode, PortConfig, PortInfo, PortType } from '../datapath/index.ts';
import { SwitchError } from '../datapath/index.ts';
import { tsswitch } from '../generated/services.ts';

const { FailMode: FailModes, PortConfig: PortConfigs, PortType: PortTypes } = tsswitch.v1;

const FAIL_MODES: Record<FailMode, tsswitch.v1.FailMode> = {
  standalone: FailModes.FAIL_MODE_STANDALONE,
  secure: FailModes.FAIL_MODE_SECURE,
};

const PORT_TYPES: Record<PortType, tsswitch.v1.PortType> = {
  tap: PortTypes.PORT_TYPE_TAP,
  system: PortTypes.PORT_TYPE_SYSTEM,
  internal: PortTypes.PORT_TYPE_INTERNAL,
  memory: PortTypes.PORT_TYPE_MEMORY,
};

/** The order is that of OpenFlow's OFPPC_ bits. */
const PORT_CONFIGS: Record<keyof PortConfig, tsswitch.v1.PortConfig> = {
  down: PortConfigs.PORT_CONFIG_DOWN,
  noReceive: PortConfigs.PORT_CONFIG_NO_RECEIVE,
  noFlood: PortConfigs.PORT_CONFIG_NO_FLOOD,
  noForward: PortConfigs.PORT_CONFIG_NO_FORWARD,
  noPacketIn: PortConfigs.PORT_CONFIG_NO_PACKET_IN,
};

/** The name of an enumeration's number. Throws SwitchError for a number that this version does not know. */
export function nameOf<Name extends string>(
  numbers: Record<Name, number>,
  wanted: number,
  what: string,
): Name {
  for (const name in numbers) if (numbers[name] === wanted) return name;
  throw new SwitchError('invalid-argument', `This switch knows no ${what} with the number ${wanted}.`);
}

/** Unspecified means standalone. */
export function failModeOf(value: tsswitch.v1.FailMode): FailMode {
  if (value === FailModes.FAIL_MODE_UNSPECIFIED) return 'standalone';
  return nameOf(FAIL_MODES, value, 'fail mode');
}

/** Unspecified means undefined: detected by the device. */
export function portTypeOf(value: tsswitch.v1.PortType): PortType | undefined {
  if (value === PortTypes.PORT_TYPE_UNSPECIFIED) return undefined;
  return nameOf(PORT_TYPES, value, 'port type');
}

export function bridgeMessage(spec: BridgeSpec): tsswitch.v1.IBridge {
  return { ...spec, failMode: FAIL_MODES[spec.failMode] };
}

export function portMessage({ bridge, name, type, ofport, link, config }: PortInfo): tsswitch.v1.IPort {
  const { mtu, ...rest } = link;
  const bits = Object.entries(PORT_CONFIGS).filter(([bit]) => config[bit as keyof PortConfig]);
  return {
    bridge,
    name,
    type: PORT_TYPES[type],
    ofport,
    link: { ...rest, mtuBytes: mtu },
    config: bits.map(([, number]) => number),
  };
}

/** A change of a port from the bits to set and those to clear. */
export function portConfigOf(set: tsswitch.v1.PortConfig[], clear: tsswitch.v1.PortConfig[]): PortConfig {
  const config: PortConfig = {};
  for (const bit of set) config[nameOf(PORT_CONFIGS, bit, 'port configuration')] = true;
  for (const bit of clear) config[nameOf(PORT_CONFIGS, bit, 'port configuration')] = false;
  return config;
}

export function portStatsMessage({ bridge, name, ofport, stats }: PortInfo): tsswitch.v1.IPortStats {
  const { drops: _, ...counters } = stats;
  return { bridge, name, ofport, ...counters };
}
