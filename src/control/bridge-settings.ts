// What: checks what a request says about a bridge and fills in the rest. Why: a wrong datapath id or version must be
// refused with a sentence before anything changes. Who: switch-configuration.ts.

import { randomBytes } from 'node:crypto';
import { type BridgeSpec, type FailMode, SwitchError } from '../datapath/index.ts';

export const DEFAULT_BRIDGE = 'br0';
/** OpenFlow's number of the local port (OFPP_LOCAL of OpenFlow 1.0), which has the name of its bridge. */
export const LOCAL_OFPORT = 65534;
/** Highest number that a port may have otherwise. */
export const MAX_OFPORT = 0xfeff;

const MAC_AGE_SECONDS = 300;
const MAC_TABLE_SIZE = 8192;
/** IFNAMSIZ of linux/if.h without the final zero. */
const MAX_NAME_BYTES = 15;
const PROTOCOLS = ['OpenFlow10', 'OpenFlow11', 'OpenFlow12', 'OpenFlow13', 'OpenFlow14', 'OpenFlow15'];

export interface BridgeRequest {
  name: string;
  /** 1 to 16 hexadecimal digits; '' for one made from the MAC address. */
  datapathId: string;
  failMode: FailMode;
  protocols: string[];
}

/** Throws SwitchError invalid-argument unless `name` can be the name of a network device. */
export function checkName(kind: 'bridge' | 'port', name: string): void {
  const isDeviceName = /^[^\s/:]+$/.test(name) && name !== '.' && name !== '..';
  if (isDeviceName && Buffer.byteLength(name) <= MAX_NAME_BYTES) return;
  throw new SwitchError(
    'invalid-argument',
    `'${name}' cannot name a ${kind}: use 1 to ${MAX_NAME_BYTES} bytes without spaces, '/' and ':'.`,
  );
}

/** A complete description of the bridge, with a new random address. Throws SwitchError invalid-argument. */
export function bridgeSpec(request: BridgeRequest): BridgeSpec {
  checkName('bridge', request.name);
  const address = randomAddress();
  return {
    name: request.name,
    datapathId: datapathId(request.datapathId, address),
    address,
    failMode: request.failMode,
    protocols: protocols(request.protocols),
    macAgeSeconds: MAC_AGE_SECONDS,
    macTableSize: MAC_TABLE_SIZE,
  };
}

/** Locally administered and not a group address, IEEE 802 section 8.4. */
function randomAddress(): string {
  const bytes = randomBytes(6);
  bytes[0] = (bytes[0]! & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function datapathId(text: string, address: string): string {
  if (text === '') return `0000${address.replaceAll(':', '')}`;
  const digits = text.replace(/^0x/i, '').toLowerCase();
  if (!/^[0-9a-f]{1,16}$/.test(digits) || /^0+$/.test(digits)) {
    throw new SwitchError(
      'invalid-argument',
      `'${text}' is no datapath id: give 1 to 16 hexadecimal digits that are not all zero.`,
    );
  }
  return digits.padStart(16, '0');
}

function protocols(names: string[]): string[] {
  const unknown = names.find((name) => !PROTOCOLS.includes(name));
  if (unknown !== undefined) {
    throw new SwitchError(
      'invalid-argument',
      `'${unknown}' is no OpenFlow version: use ${PROTOCOLS.join(', ')}.`,
    );
  }
  return [...new Set(names)].sort();
}
