// What: OpenFlow port numbers and their names. Why: matches and actions write ports alike: a number, LOCAL, or the
// name of a port of the bridge. Numbers are those of OpenFlow 1.0, 16 bits, as ovs-ofctl shows them.

/** Largest number of an ordinary port (OFPP_MAX - 1 of OpenFlow 1.0, 0xfeff). */
export const OFPORT_MAX = 0xfeff;
/** actset_output while the action set has no output, as Open vSwitch shows it. */
export const OFPORT_UNSET = 0xfff7;
export const OFPORT_IN_PORT = 0xfff8;
export const OFPORT_TABLE = 0xfff9;
export const OFPORT_NORMAL = 0xfffa;
export const OFPORT_FLOOD = 0xfffb;
export const OFPORT_ALL = 0xfffc;
export const OFPORT_CONTROLLER = 0xfffd;
/** The bridge's own port, through which the host speaks. */
export const OFPORT_LOCAL = 0xfffe;
/** No port. */
export const OFPORT_NONE = 0xffff;

/** Reserved ports by the name that is printed (OpenFlow 1.0, enum ofp_port). */
const RESERVED_PORTS: ReadonlyMap<string, number> = new Map([
  ['UNSET', OFPORT_UNSET],
  ['IN_PORT', OFPORT_IN_PORT],
  ['TABLE', OFPORT_TABLE],
  ['NORMAL', OFPORT_NORMAL],
  ['FLOOD', OFPORT_FLOOD],
  ['ALL', OFPORT_ALL],
  ['CONTROLLER', OFPORT_CONTROLLER],
  ['LOCAL', OFPORT_LOCAL],
  ['ANY', OFPORT_NONE],
]);
const RESERVED_NAMES = new Map([...RESERVED_PORTS].map(([name, number]) => [number, name]));

/** Number of a port of the bridge by its name. */
export type PortResolver = (name: string) => number | undefined;

/** Name of a port of the bridge by its number. */
export type PortNamer = (ofport: number) => string | undefined;

/** A resolver for text that stands alone: knows no port. */
export const NO_PORTS: PortResolver = () => undefined;

/** The port that text means: a decimal number 0..65279, LOCAL, 65534, or a port's name, perhaps in quotes. */
export function parsePort(text: string, resolve: PortResolver): number | undefined {
  if (isDigits(text)) {
    const number = Number(text);
    return number <= OFPORT_MAX || number === OFPORT_LOCAL ? number : undefined;
  }
  if (text.toUpperCase() === 'LOCAL') return OFPORT_LOCAL;
  return resolve(/^".*"$/.test(text) ? text.slice(1, -1) : text);
}

/** The same, with all reserved ports, by name or by a number of 16 or of 32 bits (OpenFlow 1.1 and later). */
export function parseAnyPort(text: string, resolve: PortResolver): number | undefined {
  const port = parsePort(text, resolve);
  if (port !== undefined) return port;
  if (isDigits(text)) {
    const number = Number(text) >= 0xffff_0000 ? Number(text) - 0xffff_0000 : Number(text);
    return RESERVED_NAMES.has(number) ? number : undefined;
  }
  const name = text.toUpperCase();
  return name === 'NONE' ? OFPORT_NONE : RESERVED_PORTS.get(name);
}

function isDigits(text: string): boolean {
  if (text.length === 0 || text.length > 10) return false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return true;
}

/** A port as flows show it: by name if `portName` knows one, in quotes where the name would read as something else. */
export function formatPort(number: number, portName?: PortNamer): string {
  if (number > OFPORT_MAX) return RESERVED_NAMES.get(number) ?? String(number);
  const name = portName?.(number);
  if (name === undefined) return String(number);
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name) ? name : JSON.stringify(name);
}
