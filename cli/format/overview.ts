// What: the text of `tsswitch show`, in the format of `ovs-vsctl show`. Who: commands/show.ts.

import { type Bridge, type GetSwitchResponse, type Port, tsswitch } from '../../src/generated/services.ts';

const { FailMode, PortType } = tsswitch.v1;

/** OVS writes no type for a system port. */
const TYPES: Readonly<Record<number, string>> = {
  [PortType.PORT_TYPE_TAP]: 'tap',
  [PortType.PORT_TYPE_INTERNAL]: 'internal',
};

/** `ports` are those of all bridges; both lists are written in the order given. */
export function formatOverview(identity: GetSwitchResponse, bridges: Bridge[], ports: Port[]): string {
  const lines = [`${identity.systemUuid}`];
  for (const bridge of bridges) {
    lines.push(`    Bridge ${quoted(bridge.name)}`);
    lines.push(...settingsOf(bridge).map((setting) => `        ${setting}`));
    for (const port of ports) if (port.bridge === bridge.name) lines.push(...portLines(port));
  }
  lines.push(`    tsswitch_version: "${identity.version}"`);
  return `${lines.join('\n')}\n`;
}

/** What somebody chose for the bridge. OVS shows of these only the fail mode, as here. */
function settingsOf({ address, datapathId, failMode, protocols }: Bridge): string[] {
  const settings: string[] = [];
  if (datapathId !== `0000${address.replaceAll(':', '')}`) settings.push(`datapath_id: "${datapathId}"`);
  if (failMode === FailMode.FAIL_MODE_SECURE) settings.push('fail_mode: secure');
  if (protocols.length === 1) settings.push(`protocols: ${protocols[0]}`);
  if (protocols.length > 1) settings.push(`protocols: [${protocols.join(', ')}]`);
  return settings;
}

function portLines({ name, type, link }: Port): string[] {
  const lines = [`        Port ${quoted(name)}`, `            Interface ${quoted(name)}`];
  const column = (text: string) => lines.push(`                ${text}`);
  const typeName = TYPES[type];
  if (typeName !== undefined) column(`type: ${typeName}`);
  if (link?.error) column(`error: ${JSON.stringify(link.error)}`);
  if (!link?.up) column('link_state: down');
  return lines;
}

/** OVSDB writes a string bare when it looks like an identifier, else in quotes (ovsdb_atom_to_string). */
function quoted(text: string): string {
  return /^[A-Za-z_][\w.-]*$/.test(text) && text !== 'true' && text !== 'false' ? text : JSON.stringify(text);
}
