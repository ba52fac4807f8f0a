// What: OpenFlow port numbers as ovs-ofctl writes them. Who: the other formats, and commands that take a port.

/** OFPP_LOCAL of OpenFlow 1.0: the port that has the name of its bridge. */
export const LOCAL_OFPORT = 65534;

export function formatPortNumber(ofport: number): string {
  return ofport === LOCAL_OFPORT ? 'LOCAL' : String(ofport);
}

/** True when `text` names the port or is its number. */
export function matchesPort(port: { name: string; ofport: number }, text: string): boolean {
  return port.name === text || formatPortNumber(port.ofport) === text.toUpperCase();
}
