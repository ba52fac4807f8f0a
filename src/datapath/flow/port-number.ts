// What: OpenFlow port numbers and their names. Why: matches and actions write ports alike: a number, LOCAL, or the
// name of a port of the bridge. Numbers are those of OpenFlow 1.0, 16 bits, as ovs-ofctl shows them.

/** Largest number of an ordinary port (OFPP_MAX - 1 of OpenFlow 1.0, 0xfeff). */
export const OFPORT_MAX = 0xfeff;
/** The bridge's own port, through which the host speaks. */
export const OFPORT_LOCAL = 0xfffe;

/** Number of a port of the bridge by its name. */
export type PortResolver = (name: string) => number | undefined;

/** A resolver for text that stands alone: knows no port. */
export const NO_PORTS: PortResolver = () => undefined;

/** The port that text means: a decimal number 0..65279, LOCAL, 65534, or a port's name, perhaps in quotes. */
export function parsePort(text: string, resolve: PortResolver): number | undefined {
  if (/^[0-9]{1,5}$/.test(text)) {
    const number = Number(text);
    return number <= OFPORT_MAX || number === OFPORT_LOCAL ? number : undefined;
  }
  if (text.toUpperCase() === 'LOCAL') return OFPORT_LOCAL;
  return resolve(/^".*"$/.test(text) ? text.slice(1, -1) : text);
}

export function formatPort(number: number): string {
  return number === OFPORT_LOCAL ? 'LOCAL' : String(number);
}
