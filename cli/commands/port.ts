// What: add-port, del-port, list-ports, as ovs-vsctl has them. Who: program.ts.

import type { Command } from 'commander';
import { PortService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { portJson } from '../format/json.ts';
import { LOCAL_OFPORT } from '../format/port-number.ts';
import { action, type Session } from '../session.ts';

const { PortConfig, PortType } = tsswitch.v1;

const PORT_TYPES: Readonly<Record<string, tsswitch.v1.PortType>> = {
  tap: PortType.PORT_TYPE_TAP,
  system: PortType.PORT_TYPE_SYSTEM,
  internal: PortType.PORT_TYPE_INTERNAL,
};

/** The words of ovs-ofctl, and the bit that each sets or clears. */
const PORT_CHANGES: Readonly<
  Record<string, { set?: tsswitch.v1.PortConfig[]; clear?: tsswitch.v1.PortConfig[] }>
> = {
  up: { clear: [PortConfig.PORT_CONFIG_DOWN] },
  down: { set: [PortConfig.PORT_CONFIG_DOWN] },
  receive: { clear: [PortConfig.PORT_CONFIG_NO_RECEIVE] },
  'no-receive': { set: [PortConfig.PORT_CONFIG_NO_RECEIVE] },
  flood: { clear: [PortConfig.PORT_CONFIG_NO_FLOOD] },
  'no-flood': { set: [PortConfig.PORT_CONFIG_NO_FLOOD] },
  forward: { clear: [PortConfig.PORT_CONFIG_NO_FORWARD] },
  'no-forward': { set: [PortConfig.PORT_CONFIG_NO_FORWARD] },
  'packet-in': { clear: [PortConfig.PORT_CONFIG_NO_PACKET_IN] },
  'no-packet-in': { set: [PortConfig.PORT_CONFIG_NO_PACKET_IN] },
};

const MOD_PORT_HELP = `
A change is one of ${Object.keys(PORT_CHANGES).join(', ')}.
It lasts until the switch ends. Examples:
  tsswitch mod-port s1 no-flood
  tsswitch mod-port br1 3 down`;

const ADD_PORT_HELP = `
Examples:
  tsswitch add-port veth1                 attach an existing device
  tsswitch add-port tap0                  create tap0 when there is no such device
  tsswitch add-port --bridge br1 veth2 --ofport 7
  tsswitch add-port br1 veth2             the same bridge, in the order of ovs-vsctl`;

export function addPortCommands(program: Command): void {
  program
    .command('add-port')
    .description('attach a network device to a bridge')
    .usage('[options] [bridge] <port>')
    .argument('<port...>', 'name of the device')
    .option('--type <type>', 'tap, system or internal (default: detected by the device)')
    .option('--ofport <number>', 'OpenFlow port number (default: the lowest free one)')
    .option('--may-exist', 'succeed when the bridge has the port')
    .addHelpText('after', ADD_PORT_HELP)
    .action(action(addPort));
  program
    .command('del-port')
    .description('take a port from its bridge')
    .usage('[options] [bridge] <port>')
    .argument('<port...>', 'name of the port')
    .option('--if-exists', 'succeed when there is no such port')
    .action(action(deletePort));
  program
    .command('list-ports')
    .description('print the names of the ports of a bridge, without its local port')
    .argument('[bridge]', 'name of the bridge')
    .action(action(listPorts));
  program
    .command('mod-port')
    .description('change how a port is used')
    .usage('[options] [bridge] <port> <change>')
    .argument('<port...>', 'name or number of the port, and the change')
    .addHelpText('after', MOD_PORT_HELP)
    .action(action(modPort));
}

interface AddPortOptions {
  type?: string;
  ofport?: string;
  mayExist?: boolean;
}

async function addPort(session: Session, args: string[], options: AddPortOptions): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['port']);
  const { port } = await session.client.call(PortService.addPort, {
    bridge,
    name: rest[0]!,
    type: portType(options.type),
    ofport: ofport(options.ofport),
    mayExist: options.mayExist ?? false,
  });
  await session.answer(portJson(port!), () => '');
}

function portType(text: string | undefined): tsswitch.v1.PortType {
  if (text === undefined) return PortType.PORT_TYPE_UNSPECIFIED;
  const type = PORT_TYPES[text];
  if (type !== undefined) return type;
  throw new UsageError(`--type is ${Object.keys(PORT_TYPES).join(', ')}, not '${text}'`);
}

/** 0 leaves the choice to the switch, so it is no number that one may ask for. */
function ofport(text: string | undefined): number {
  if (text === undefined) return 0;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new UsageError(`--ofport is a number from 1 to 65279, not '${text}'`);
}

async function deletePort(session: Session, args: string[], options: { ifExists?: boolean }): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['port']);
  const ifExists = options.ifExists ?? false;
  await session.client.call(PortService.deletePort, { bridge, name: rest[0]!, ifExists });
  await session.answer({}, () => '');
}

async function listPorts(session: Session, args: string[]): Promise<void> {
  const { bridge } = session.bridgeAndArguments(args, []);
  const { ports } = await session.client.call(PortService.listPorts, { bridge: bridge || 'br0' });
  const others = ports.filter((port) => port.ofport !== LOCAL_OFPORT);
  await session.answer(others.map(portJson), () => others.map(({ name }) => `${name}\n`).join(''));
}

async function modPort(session: Session, args: string[]): Promise<void> {
  const { bridge, rest } = session.bridgeAndArguments(args, ['port', 'change']);
  const [port, word] = rest as [string, string];
  const change = Object.hasOwn(PORT_CHANGES, word) ? PORT_CHANGES[word] : undefined;
  if (change === undefined) {
    throw new UsageError(`a port is changed by ${Object.keys(PORT_CHANGES).join(', ')}, not '${word}'`);
  }
  await session.client.call(PortService.modPort, { bridge, port, ...change });
  await session.answer({}, () => '');
}
