// What: add-port, del-port, list-ports, as ovs-vsctl has them. Who: program.ts.

import type { Command } from 'commander';
import { PortService, tsswitch } from '../../src/generated/services.ts';
import { UsageError } from '../failure.ts';
import { portJson } from '../format/json.ts';
import { LOCAL_OFPORT } from '../format/port-number.ts';
import { action, type Session } from '../session.ts';

const { PortType } = tsswitch.v1;

const PORT_TYPES: Readonly<Record<string, tsswitch.v1.PortType>> = {
  tap: PortType.PORT_TYPE_TAP,
  system: PortType.PORT_TYPE_SYSTEM,
  internal: PortType.PORT_TYPE_INTERNAL,
};

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
